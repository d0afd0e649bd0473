//! Locks that are released by name, on real servers, in every adapter. What redlock-go gets wrong has a test of its own.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

mod adapter;
mod blocking;
mod cases;
mod nodes;

/// Makes a test of each case for each adapter.
macro_rules! on_adapters {
    ([$($name:ident: $adapter:ident,)*] $cases:tt) => { $(on_adapter! { $name: $adapter, $cases })* };
}

macro_rules! on_adapter {
    ($name:ident: $adapter:ident, [$($case:ident,)*]) => {
        mod $name {
            use crate::adapter::{$adapter, Adapter};

            $(#[test]
            fn $case() {
                $adapter::run(crate::cases::$case::<$adapter>());
            })*
        }
    };
}

on_adapters! {
    [
        tokio_redis: TokioRedis,
        tokio_fred: TokioFred,
        async_std_redis: AsyncStdRedis,
    ]
    [
        a_lock_of_one_task_is_released_by_another,
        an_expired_holder_that_unlocks_does_not_release_its_successors_lock,
        unlocking_an_unknown_name_is_an_error,
        an_unlock_does_not_erase_the_next_holders_entry,
        a_lost_cache_entry_does_not_orphan_its_lock,
        a_lock_for_which_there_is_no_room_is_given_back,
        unlocking_does_not_wait_for_an_extension_that_nodes_do_not_answer,
        what_is_still_held_at_the_end_is_released,
        a_lock_that_is_kept_alive_outlives_its_ttl_until_it_is_unlocked,
        a_lock_that_nobody_unlocks_is_kept_alive_up_to_its_longest_hold,
    ]
}
