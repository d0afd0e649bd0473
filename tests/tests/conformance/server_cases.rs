//! The cases that need a Redis server.

use std::sync::LazyLock;

use redlock_conformance::Suite;
use redlock_tests::Server;

use crate::adapter::{Adapter, Need};
use crate::{
    bad_input, connections, cross_check, interoperability, middlebox, server_errors, sockets, status, tls, trust,
    waiting,
};

/// A suite that gets them, or says why it does not.
pub(crate) trait WithServerCases {
    /// Adds them all; `program` is the adapter's name for the program `increment`.
    fn server_cases<A: Adapter>(self, program: &'static str) -> Self;
    /// Adds none of them, for a reason.
    fn no_server_cases(self, reason: &str) -> Self;
}

macro_rules! server_cases {
    ($($topic:ident: { $($name:ident [$($need:ident),*],)* })*) => {
        impl WithServerCases for Suite {
            fn server_cases<A: Adapter>(self, program: &'static str) -> Self {
                let suite = self;
                $($(let suite = add::<A>(suite, stringify!($topic), stringify!($name), &[$(Need::$need),*], || {
                    A::run($topic::$name::<A>());
                });)*)*
                add::<A>(suite, CROSS_CHECK, PROCESSES, &[Need::Program], || {
                    cross_check::its_processes_and_all_others_lose_no_increment(program);
                })
            }

            fn no_server_cases(self, reason: &str) -> Self {
                let suite = self;
                $($(let suite = suite.not_run(stringify!($topic), stringify!($name), reason);)*)*
                suite.not_run(CROSS_CHECK, PROCESSES, reason)
            }
        }
    };
}

const CROSS_CHECK: &str = "cross_check";
const PROCESSES: &str = "its_processes_and_all_others_lose_no_increment";

fn add<A: Adapter>(
    suite: Suite,
    topic: &str,
    name: &str,
    needs: &[Need],
    run: impl Fn() + Send + Sync + 'static,
) -> Suite {
    match needs.iter().find_map(|&need| A::cannot(need).or_else(|| server_cannot(need))) {
        Some(reason) => suite.not_run(topic, name, reason),
        None => suite.case(topic, name, run),
    }
}

/// Why something cannot be done with the servers that the suite runs on, for the table.
fn server_cannot(need: Need) -> Option<&'static str> {
    static SPEAKS_TLS: LazyLock<bool> = LazyLock::new(|| Server::builder().speaks_tls());
    (need == Need::Tls && !*SPEAKS_TLS).then_some("the server was built without TLS")
}

server_cases! {
    bad_input: {
        a_list_of_nodes_that_is_none_is_refused [Urls],
        a_url_that_is_none_is_named_without_its_password [Urls],
        a_url_means_the_same_everywhere_or_is_refused [Urls],
        no_part_of_a_password_is_shown [Urls],
        settings_out_of_their_bounds_are_refused [],
        a_request_out_of_its_bounds_is_refused_and_nothing_is_sent [],
    }
    connections: {
        a_handle_that_is_gone_leaves_no_connection [],
        a_try_to_connect_that_took_too_long_leaves_no_connection [],
        a_command_that_was_lost_with_its_node_is_not_sent_again [],
    }
    middlebox: {
        replies_that_come_a_byte_at_a_time_are_read [],
        a_connection_that_takes_all_and_answers_nothing_is_replaced [],
        a_server_that_has_moved_is_followed_when_the_old_connection_is_silent [],
        a_server_that_is_a_replica_by_now_is_left_for_the_one_in_its_place [],
    }
    interoperability: {
        a_lock_is_a_string_with_a_ttl_at_the_name_of_the_resource [],
        a_key_of_another_type_is_somebody_elses_lock [],
    }
    server_errors: {
        a_missing_or_wrong_password_is_named_and_never_shown [Passwords],
        scripts_that_the_servers_forgot_are_sent_again [],
        a_replica_is_no_master [],
        without_memory_there_is_no_new_lock_but_a_held_one_goes_on [],
        a_user_without_the_right_to_publish_can_release [Passwords],
        a_user_without_the_right_to_the_key_is_told_so [Passwords],
        a_user_who_could_not_release_gets_no_lock [Passwords],
        a_server_without_scripts_has_no_vote [],
        what_waiting_cannot_cure_is_said_at_once [Passwords],
        a_server_without_hello_is_spoken_to_or_explained [],
        a_fault_has_the_same_words_everywhere [Urls],
    }
    waiting: {
        who_waits_is_called_up_by_the_release_in_the_order_of_the_queue [Announcements],
        who_waits_for_several_names_is_called_up_and_holds_nobody_up [Announcements],
        who_waits_is_called_up_over_resp2 [Urls, Announcements],
        whoever_hears_no_more_subscribes_again [Announcements],
        who_gives_up_leaves_no_place_and_is_told_of_it [Announcements],
        a_user_with_the_rights_in_the_readme_is_called_up [Passwords, Announcements],
        a_user_without_channels_tries_now_and_then [Passwords],
        a_user_without_sorted_sets_tries_now_and_then [Passwords],
        a_user_who_may_only_lock_tries_now_and_then [Passwords],
    }
    status: {
        a_key_of_another_type_is_told_from_a_lock [],
        scripts_that_the_servers_forgot_are_sent_again [],
        those_who_wait_are_counted [Announcements],
        a_user_with_the_rights_in_the_readme_sees_all [Passwords],
        a_user_who_may_only_lock_sees_the_lock_and_not_the_queue [Passwords],
        a_label_needs_the_right_to_its_keys_and_the_lock_does_not [Passwords],
        a_label_that_another_program_wrote_is_shown_escaped [],
        a_user_without_the_right_to_the_key_is_told_so [Passwords],
    }
    trust: {
        a_health_report_says_what_the_servers_are [Facts],
        a_server_that_has_much_to_say_of_itself_is_used [Facts],
        a_server_is_durable_only_if_it_writes_to_its_disk_at_any_time [Facts],
        a_server_is_durable_only_when_its_first_rewrite_has_ended [Facts],
        a_server_that_was_a_replica_while_nobody_looked_has_no_vote_for_a_while [Facts],
        whoever_may_not_ask_locks_all_the_same_and_is_told_that_nothing_was_checked [Passwords, Facts],
        without_the_guard_a_restart_lets_a_second_holder_in [],
        with_the_guard_it_does_not [Facts],
        one_server_that_is_named_twice_has_one_vote [Urls, Facts],
        a_server_that_evicts_is_warned_of_or_refused [Facts],
    }
    sockets: {
        nodes_can_be_unix_sockets_and_clients_that_were_configured_elsewhere [UnixSockets],
    }
    tls: {
        a_client_with_an_authority_of_its_own_locks_over_tls [Tls],
        a_server_that_is_not_trusted_is_refused_at_once_and_used_as_soon_as_it_is [Tls],
    }
    cross_check: {
        it_excludes_every_adapter_in_one_process [],
    }
}
