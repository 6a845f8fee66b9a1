//! The sentences, and the journals that they are true of.

mod entering;
mod memories;
mod nonces;
mod operators;
mod spending;
mod steps;

/// One test for each sentence and journal.
macro_rules! promises {
    ($($topic:ident: $($sentence:ident),+;)+) => {
        mod memory {
            use crate::journal::memory::MemoryJournal;

            $($(
                #[tokio::test]
                async fn $sentence() {
                    super::$topic::$sentence(&MemoryJournal::default()).await;
                }
            )+)+
        }

        mod sqlite {
            use crate::journal::tests::support::Place;

            $($(
                #[tokio::test]
                async fn $sentence() {
                    let place = Place::sqlite();
                    super::$topic::$sentence(place.open().await.as_ref()).await;
                }
            )+)+
        }

        mod postgres {
            use crate::journal::tests::support::Place;

            $($(
                #[tokio::test]
                async fn $sentence() {
                    let place = Place::postgres().await;
                    super::$topic::$sentence(place.open().await.as_ref()).await;
                }
            )+)+
        }
    };
}

promises! {
    entering:
        the_same_evidence_enters_once,
        evidence_whose_operation_was_taken_back_enters_again_under_another_name,
        what_was_carried_out_does_not_enter_again,
        a_pool_has_one_live_operation_whichever_lane_it_goes_by,
        a_pool_of_another_chain_is_another_pool,
        an_operation_that_was_unwound_does_not_take_its_pool_back;
    nonces:
        a_nonce_is_used_once,
        a_nonce_that_was_given_back_is_used_again,
        a_lane_has_one_operation_that_is_reserved_or_prepared,
        of_many_who_want_one_nonce_one_gets_it,
        nonces_that_an_operator_accepts_are_not_given_to_operations,
        what_is_given_back_does_not_undo_what_an_operator_accepted;
    steps:
        everything_about_an_operation_comes_back,
        a_wrong_counter_writes_nothing,
        an_illegal_step_writes_nothing,
        a_transaction_is_written_down_once,
        a_writer_that_was_replaced_writes_nothing,
        a_pen_writes_its_own_lane_only,
        an_inclusion_makes_the_ramp_ours_in_the_same_commit,
        the_log_tells_the_whole_life_in_order,
        fifty_operations_take_their_steps_at_the_same_time,
        a_lane_knows_when_it_launched_last,
        words_from_outside_may_hold_anything;
    spending:
        what_is_set_aside_is_raised_settled_and_released,
        a_day_and_a_lane_have_budgets_of_their_own,
        the_largest_sum_is_still_a_sum;
    operators:
        lists_show_the_youngest_first_and_what_was_asked_for,
        an_operation_is_found_by_the_first_digits_of_its_name,
        a_wish_to_cancel_reaches_the_writer_and_moves_no_counter,
        a_quarantined_operation_is_closed_by_an_operators_word,
        a_lane_says_who_holds_it_and_why_it_stands_still,
        what_is_not_there_is_unknown;
    memories:
        a_pool_is_met_once_and_keeps_what_happened_since,
        what_is_remembered_of_a_pool_comes_back,
        every_reason_to_hold_comes_back,
        nobody_asks_for_a_pool_that_was_never_seen,
        an_operator_lets_go_of_a_pool_and_accepts_its_ramp,
        what_is_remembered_of_a_peg_comes_back,
        an_operator_lets_a_disabled_asset_back_and_no_other;
}
