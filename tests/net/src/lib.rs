//! Tests for the sockets of a runtime, against servers in threads: the same ones for every adapter.
//!
//! [`tests!`] makes a test of each, in an adapter's own crate.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::arithmetic_side_effects,
    clippy::future_not_send,
    reason = "a test that panics has found something"
)]

pub mod authority;
mod client;
pub mod commands;
mod server;
pub mod tcp;
pub mod tls;
#[cfg(unix)]
pub mod unix;

/// Makes a test of each function here, for a function that runs it: with the runtime, to its end.
#[macro_export]
macro_rules! tests {
    ($run:ident) => {
        $crate::tests! { $run:
            tcp::both_families_carry_bytes_both_ways,
            tcp::a_name_is_looked_up,
            tcp::an_unknown_name_is_an_error,
            tcp::a_port_where_nobody_listens_is_an_error,
            tcp::a_read_does_not_wait_and_whoever_waits_is_woken,
            tcp::a_write_does_not_wait_and_whoever_waits_is_woken,
            tcp::single_bytes_arrive_in_order,
            tcp::bytes_that_come_while_others_are_read_wake_as_well,
            tcp::the_end_of_a_connection_is_read,
            tls::a_server_with_a_trusted_authority_is_spoken_to,
            tls::a_server_with_another_authority_is_refused,
            tls::a_server_with_another_name_is_refused,
            tls::a_server_that_closes_in_the_handshake_is_an_error,
            tls::a_server_without_tls_is_an_error,
            tls::a_client_shows_its_certificate,
            tls::a_client_without_a_certificate_is_told_so,
            tls::single_bytes_arrive_in_order_over_tls,
            tls::a_read_over_tls_does_not_wait,
            tls::a_small_buffer_misses_nothing,
            #[cfg(unix)] unix::a_unix_socket_carries_bytes_both_ways,
            #[cfg(unix)] unix::a_path_without_a_server_is_an_error,
            #[cfg(target_os = "linux")] unix::a_server_with_a_full_queue_is_reached_when_there_is_room,
        }
    };
    ($run:ident: $($(#[$attribute:meta])* $topic:ident::$test:ident,)+) => {
        $(
            $(#[$attribute])*
            #[test]
            fn $test() {
                $run($crate::$topic::$test);
            }
        )+
    };
}
