use crate::fault::FaultCounts;

/// Defines [`Summary`] by the figures in it, each with what it is called in a table.
macro_rules! summary {
    ($($(#[$doc:meta])* $figure:ident: $label:literal,)*) => {
        /// What a world was good for.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Summary {
            $($(#[$doc])* pub $figure: u64,)*
            /// The faults that were injected.
            pub faults: FaultCounts,
        }

        impl Summary {
            /// Returns the name of each figure, what it is called in a table, and the figure.
            pub fn figures(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($figure), $label, self.$figure)),*].into_iter()
            }

            pub(crate) fn add(&mut self, other: &Self) {
                let most_overtaken = self.most_overtaken.max(other.most_overtaken);
                $(self.$figure += other.$figure;)*
                self.most_overtaken = most_overtaken;
                self.faults.add(&other.faults);
            }
        }
    };
}

summary! {
    /// How many events happened.
    events: "events",
    /// How many locks were handed over, each of them checked.
    grants: "grants checked",
    /// How many of them were of several names.
    grants_of_several: "  of several names",
    /// Jobs that began to wait for others of the same client.
    in_line: "waits for others of the same client",
    /// Of the grants, those that were fenced.
    fenced: "fenced grants",
    /// How often the holder of a fenced lock was let in at the store.
    visits: "  holders let in at the store",
    /// How often the store has refused one.
    visits_refused: "  holders refused there",
    /// How many locks were handed over whose home had granted them in turn.
    grants_in_turn: "grants in turn",
    /// How many of them after a call-up.
    grants_after_call_up: "  after a call-up",
    /// How often somebody was given a place in the queue of a node, or kept it.
    places: "places in queues given or kept",
    /// How often a client heard that it was called up.
    call_ups: "call-ups heard",
    /// How many call-ups were on their way when their connection was gone.
    call_ups_missed: "  or missed with their connection",
    /// How many subscriptions were sent.
    subscriptions: "subscriptions",
    /// How often somebody left a queue.
    leaves: "places given up",
    /// Waiters for several names that had their turn, and passed it on because another name was held.
    turns_passed_on: "turns passed on",
    /// Such waiters that kept it, because a later name was held.
    turns_kept: "turns kept",
    /// How often a client was called up, and nobody of it could make use of that.
    turns_declined: "turns declined",
    /// How often a waiter was overtaken at most, in a world that had healed.
    most_overtaken: "overtaken at most, when healed",
    /// How many releases were followed until the next grant, in a world that had healed.
    hand_overs: "releases to waiters, when healed",
    /// How often the others had to wait for one who had ended or stood still, in a world that had healed.
    graces: "graces of dead waiters, when healed",
    /// How many worlds were checked for waiters that were never served.
    services: "crowds served to the last",
    /// How many extensions were confirmed, each of them checked.
    extensions: "extensions checked",
    /// How many extensions began while another of the same lock was under way.
    overlapping_extensions: "extensions begun beside another",
    /// How many extensions in the background were confirmed.
    renewals: "extensions in the background",
    /// How many locks were lost because they were held for as long as they may be.
    longest_holds: "longest holds ended",
    /// How many keys were kept by a release for the rest of the shortest hold.
    keys_kept: "keys kept for a shortest hold",
    /// How many locks were left for others to adopt.
    detached: "locks left to others",
    /// How many of them were adopted.
    adoptions: "  and adopted",
    /// How many refusals said the label of the holder.
    labels: "refusals with the holder's label",
    /// How many nodes were given their key anew by an extension.
    healings: "keys planted anew by extensions",
    /// How many connections that were not used were tried out.
    pings: "connections tried out",
    /// How many connections were given up because they were silent.
    silences: "silent connections given up",
    /// How many nodes were connected again after that.
    reconnections: "  and nodes connected again",
    /// How many grants did not count, because their node was started again and had forgotten what it had granted before.
    void_grants: "grants of restarted nodes, void",
    /// How often a client was connected to a node without a vote, and the moment was checked at which it has one again.
    quarantines: "connections to nodes without a vote",
    /// In a hostile world, how many locks were handed over while another client held the resource.
    overlaps: "overlapping holders, hostile only",
    /// With the default restart guard, how many were by a client that had not seen the restart of a node.
    overlaps_unseen: "  and by those who saw no restart",
}
