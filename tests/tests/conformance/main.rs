//! One list of cases against every async adapter and client, on real servers: they must all behave the same.
//!
//! `cargo test --test conformance -- --list` prints which case is run on which.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

mod adapter;
mod bad_input;
mod cancellation;
mod connections;
mod contention;
mod cross_check;
mod fixture;
mod fred_clients;
mod interoperability;
mod life;
mod lost_nodes;
mod server_errors;
mod smol_programs;
mod time;
mod tls;

/// Makes a test of each case for each adapter.
macro_rules! conformance {
    ([$($name:ident: $adapter:ident,)*] $cases:tt) => { $(on_adapter! { $name: $adapter, $cases })* };
}

macro_rules! on_adapter {
    ($name:ident: $adapter:ident, { $($topic:ident: [$($case:ident,)*],)* }) => {
        mod $name {
            $(mod $topic {
                use crate::adapter::{$adapter, Adapter};

                $(#[test]
                fn $case() {
                    $adapter::run(crate::$topic::$case::<$adapter>());
                })*
            })*
        }
    };
}

conformance! {
    [
        tokio_redis: TokioRedis,
        tokio_fred: TokioFred,
        async_std_redis: AsyncStdRedis,
    ]
    {
        bad_input: [
            a_list_of_nodes_that_is_none_is_refused,
            a_url_that_is_none_is_named_without_its_password,
            settings_out_of_their_bounds_are_refused,
            a_request_out_of_its_bounds_is_refused_and_nothing_is_sent,
            an_extension_with_a_bad_ttl_changes_nothing,
        ],
        cancellation: [
            an_acquisition_that_is_dropped_at_any_stage_leaves_nothing,
            an_acquisition_that_was_polled_once_and_dropped_leaves_nothing,
            a_waiting_acquisition_that_is_dropped_leaves_the_holder_alone,
            a_dropped_guard_is_released_at_once,
            a_guard_can_be_dropped_on_a_thread_without_a_runtime,
            a_guard_that_outlives_its_handle_is_released_all_the_same,
            an_extension_that_is_dropped_leaves_a_lock_that_can_be_released,
            a_release_that_is_dropped_is_done_all_the_same,
            what_is_dropped_while_a_node_hangs_is_undone_when_it_goes_on,
            after_close_nothing_is_left_and_nothing_more_is_acquired,
            close_does_not_wait_for_ever_for_a_node_that_hangs,
        ],
        connections: [
            a_handle_that_is_gone_leaves_no_connection,
            a_try_to_connect_that_took_too_long_leaves_no_connection,
        ],
        contention: [
            sixteen_tasks_lose_no_increment,
            ten_thousand_locks_at_once,
        ],
        interoperability: [
            a_lock_set_by_hand_excludes_ours,
            ours_excludes_a_lock_set_by_hand_until_it_is_released,
            a_key_of_another_type_is_somebody_elses_lock,
            a_release_is_announced_on_every_node,
        ],
        life: [
            a_lock_is_on_all_nodes_excludes_others_is_extended_and_released,
            an_expired_lock_says_so_by_itself_and_somebody_else_gets_it,
            a_released_lock_is_not_reported_as_lost,
            an_extension_at_the_last_moment_counts,
            an_extension_after_the_deadline_does_not_revive_the_lock,
            a_short_extension_does_not_shorten_the_lock,
            a_lock_whose_keys_were_deleted_is_found_lost_at_the_next_extension,
            releasing_an_expired_lock_is_no_error,
            releasing_a_lock_that_was_taken_over_leaves_the_successor_alone,
            nodes_can_be_unix_sockets_and_clients_that_were_configured_elsewhere,
        ],
        lost_nodes: [
            a_minority_that_is_dead_at_the_start_is_no_error_and_costs_no_time,
            a_minority_that_hangs_costs_no_time,
            a_lock_outlives_the_death_of_a_minority,
            without_a_quorum_the_error_names_the_nodes_and_nothing_is_left,
            when_a_quorum_hangs_nothing_is_left_behind_once_it_goes_on,
            a_node_that_is_back_is_used_again_without_a_restart,
            a_lock_that_is_extended_outlives_the_restart_of_every_node_one_at_a_time,
            a_node_that_missed_the_release_is_told_when_it_is_back,
            without_a_quorum_a_release_is_unconfirmed_and_done_later,
            a_command_that_was_lost_with_its_node_is_not_sent_again,
        ],
        server_errors: [
            a_missing_or_wrong_password_is_named_and_never_shown,
            scripts_that_the_servers_forgot_are_sent_again,
            a_replica_is_no_master,
            without_memory_there_is_no_new_lock_but_a_held_one_goes_on,
            a_user_without_the_right_to_publish_can_release,
            a_user_without_the_right_to_the_key_is_told_so,
        ],
        tls: [
            a_client_with_an_authority_of_its_own_locks_over_tls,
        ],
    }
}
