"""The list of proofs: every figure that a command prints, and the test that holds it against something else.

``FIGURES`` is one line a public function of the modules that compute figures, ``ROWS`` one line a few fields of what
the commands print. The tests below fail when a function or field is not listed, when a test named here is gone or
never speaks of what it proves, and when it does not use what it claims to be held against.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import typing
from pathlib import Path

import pytest

from models.metrics import METRICS

TESTS = Path(__file__).parent
AGAINST = {
    "scikit-learn": ("sklearn",),
    "scipy or pandas": ("scipy", "pandas", "pd."),
    "published": ("published",),
    "closed form": (),  # worked out by hand or by a formula, in the test
    "brute force": (),  # the definition itself, slowly
    "recount": (),  # the same figure from the raw rows by another way
    "simulation": ("rng", "simulate"),
    "behaviour": (),  # words, rows or choices rather than a figure: what has to hold of them
}

FIGURES = """
models.metrics.auc                    test_metrics.py::test_metrics_are_scikit_learns | scikit-learn
models.metrics.average_precision      test_metrics.py::test_metrics_are_scikit_learns | scikit-learn
models.metrics.log_loss               test_metrics.py::test_metrics_are_scikit_learns | scikit-learn
models.metrics.brier                  test_metrics.py::test_metrics_are_scikit_learns | scikit-learn
models.metrics.calibration_error      test_metrics.py::test_calibration_bins_and_error_are_those_of_scikit_learns_curve | scikit-learn
models.metrics.calibration_bins       test_metrics.py::test_calibration_bins_and_error_are_those_of_scikit_learns_curve | scikit-learn
models.metrics.lift_at_10             test_metrics.py::test_lift_is_what_random_order_within_ties_gives_on_average | simulation
models.metrics.wilson                 test_metrics.py::test_wilson_is_the_published_interval | published
models.metrics.evaluate               test_metrics.py::test_intervals_cover_the_truth | simulation
models.metrics.paired_difference      test_metrics.py::test_intervals_of_a_paired_difference_cover_the_truth | simulation
models.metrics.resamples              test_metrics.py::test_intervals_cover_the_truth | simulation
models.metrics.estimate               test_metrics.py::test_intervals_cover_the_truth | simulation
models.amount_metrics.mae             test_amount_parts.py::test_point_metrics_are_those_of_sklearn_and_scipy_and_weights_are_repetitions | scikit-learn
models.amount_metrics.rmse            test_amount_parts.py::test_point_metrics_are_those_of_sklearn_and_scipy_and_weights_are_repetitions | scikit-learn
models.amount_metrics.spearman        test_amount_parts.py::test_point_metrics_are_those_of_sklearn_and_scipy_and_weights_are_repetitions | scipy or pandas
models.amount_metrics.evaluate_points test_amount_parts.py::test_a_paired_difference_is_that_of_the_figures_and_rows_may_come_in_any_order | recount
models.amount_metrics.paired_points   test_amount_parts.py::test_a_paired_difference_is_that_of_the_figures_and_rows_may_come_in_any_order | recount
models.amount_metrics.evaluate_said   test_amount_parts.py::test_figures_of_what_was_said_by_hand | closed form
models.amount_metrics.confusion       test_amount_parts.py::test_figures_of_what_was_said_by_hand | closed form
models.amount_calibration.tier_of     test_amount_parts.py::test_figures_of_what_was_said_by_hand | closed form
models.amount_drift.expected_and_seen test_amount_parts.py::test_drift_follows_a_month_in_which_everybody_spends_more | simulation
models.metrics.implied_auc            test_segments.py::test_the_implied_auc_is_what_right_scores_reach | simulation
models.promise.promise_and_reality     test_metrics.py::test_promise_and_reality_by_hand | closed form
models.segments.segments_of           test_segments.py::test_new_and_returning_low_and_high_spend | closed form
models.segments.attribute_groups      test_segments.py::test_every_row_is_in_one_group_of_an_attribute | recount
models.segments.segment_rows          test_segments.py::test_a_planted_weak_segment_shows | recount
models.random_audiences.audience_promise  test_random_audiences.py::test_an_audience_is_what_its_filter_says | recount
models.stability.flips                test_trade_off.py::test_flips_are_counted_among_profiles_of_both_snapshots | closed form
models.stability.past_of              test_trade_off.py::test_past_values_are_found_by_profile | closed form
models.stability.values_over_time     test_trade_off.py::test_no_margin_changes_nothing_and_deciding_again_neither | behaviour
models.stability.stability            test_trade_off.py::test_stability_counted_again_profile_by_profile | brute force
models.trade_off.cut_table            test_trade_off.py::test_the_choice_agrees_with_brute_force | brute force
models.trade_off.rule_cuts            test_trade_off.py::test_cuts_of_a_rule_stand_in_order_of_time | brute force
models.trade_off.trade_off            test_trade_off.py::test_the_table_widens_and_is_json | behaviour
models.trade_off.choice_sentence      test_trade_off.py::test_the_sentence_says_the_figures_of_its_row | behaviour
models.drivers.drivers                test_drivers.py::test_the_figures_of_a_driver_in_closed_form | scipy or pandas
models.drivers.reason_agreement       test_drivers.py::test_agreement_counts_what_the_reasons_say | recount
models.drivers.more_of                test_drivers.py::test_words_fit_what_a_feature_counts | behaviour
models.season.unseen_share            test_calibration.py::test_unseen_stretches_are_the_days_counted_one_by_one | brute force
models.season.unseen_days             test_calibration.py::test_unseen_stretches_are_the_days_counted_one_by_one | brute force
models.psi.psi                        test_leakage.py::test_psi_in_closed_form | closed form
models.psi.knot_mass                  test_leakage.py::test_psi_of_masses_is_that_of_the_scores | recount
models.psi.mass_psi                   test_leakage.py::test_psi_of_masses_is_that_of_the_scores | recount
models.psi.amount_odds                test_amount_parts.py::test_psi_of_amounts_is_small_for_the_same_and_large_for_tenfold | behaviour
models.psi.score_psi                  test_leakage.py::test_psi_of_normal_log_odds_is_what_theory_says | closed form
models.leakage.powers                 test_leakage.py::test_power_of_one_feature_whichever_way_it_points | closed form
models.leakage.last_day_losses        test_leakage.py::test_what_a_last_day_held | closed form
models.backtest.until                 test_evaluate.py::test_the_frame_of_a_window_holds_nothing_of_later_ones | behaviour
models.backtest.said                  test_evaluate.py::test_values_of_a_window_are_decided_by_what_was_known_before_it | behaviour
models.backtest.percentiles           test_evaluate.py::test_percentile_is_the_share_scored_lower | closed form
models.backtest.judge_window          test_evaluate.py::test_rows_of_a_window_belong_together | recount
models.backtest.pool                  test_evaluate.py::test_windows_are_pooled_row_by_row | recount
models.calibration.score_curve        test_calibration.py::test_a_curve_for_rankings_rises_and_is_calibrated | simulation
models.drift.follow                   test_calibration.py::test_the_first_step_of_the_filter_is_ridge_regression | scipy or pandas
models.grade.grade                    test_grade.py::test_letters | closed form
models.decision.needs_population      test_trade_off.py::test_cuts_of_a_rule_stand_in_order_of_time | behaviour
models.decision.learned_cut           test_training.py::test_a_precision_cut_is_the_widest_that_met_the_bar | brute force
models.decision.cut_from_scores       test_training.py::test_decisions | closed form
models.decision.decide                test_trade_off.py::test_a_value_changes_only_past_the_margin | closed form
models.decision.decide_codes          test_training.py::test_codes_are_places_of_the_words | recount
models.decision.band_codes            test_training.py::test_codes_are_places_of_the_words | recount
models.decision.codes_of              test_training.py::test_codes_are_places_of_the_words | recount
models.decision.band                  test_training.py::test_bands_are_those_of_the_definition | brute force
models.weights.case_losses            test_choosing.py::test_losses_and_their_error_are_those_of_scikit_learn_and_scipy | scikit-learn
models.weights.mean_loss              test_choosing.py::test_losses_and_their_error_are_those_of_scikit_learn_and_scipy | scikit-learn
models.weights.error_of_difference    test_choosing.py::test_losses_and_their_error_are_those_of_scikit_learn_and_scipy | scipy or pandas
models.weights.clearly_less           test_choosing.py::test_clearly_less_needs_more_than_a_standard_error | closed form
models.weights.learn_weights          test_choosing.py::test_weights_are_the_best_on_a_grid | brute force
models.unknown.grounds                test_unknown.py::test_the_reason_of_unknown_is_said | closed form
models.unknown.say_unknown            test_unknown.py::test_the_reason_of_unknown_is_said | closed form
models.rfm.rfm_rank                   test_metrics.py::test_the_rfm_rank_is_the_mean_of_pandas_percent_ranks | scipy or pandas
models.bgnbd.no_purchase_probability  test_bgnbd.py::test_chances_are_those_of_the_process | simulation
models.bgnbd.fit_parameters           test_bgnbd.py::test_cdnow_is_fitted_as_published | published
models.bgnbd.log_likelihood           test_bgnbd.py::test_likelihood_and_chances_are_the_integrals_over_all_customers | brute force
models.bgnbd.alive_probability        test_bgnbd.py::test_likelihood_and_chances_are_the_integrals_over_all_customers | brute force
models.shapley.shapley_values                test_bgnbd.py::test_contributions_are_shapley_values | brute force
benchmarks.judging.judge              test_benchmark.py::test_a_difference_on_a_task_is_tagcast_minus_the_rival | recount
benchmarks.judging.averages           test_benchmark.py::test_means_and_ranks_are_those_of_pandas | scipy or pandas
benchmarks.judging.verdicts           test_benchmark.py::test_verdicts_follow_the_figures | behaviour
"""

ROWS = """
models.metrics.Estimate             value low high | test_metrics.py::test_intervals_cover_the_truth
models.metrics.CalibrationBin       n mean_score observed | test_metrics.py::test_calibration_bins_and_error_are_those_of_scikit_learns_curve
models.metrics.CalibrationBin       low high | test_metrics.py::test_wilson_is_the_published_interval
models.promise.PromiseBand          confidence said mean_confidence share_right | test_metrics.py::test_promise_and_reality_by_hand
models.segments.SegmentRow          n yes | test_segments.py::test_a_planted_weak_segment_shows
models.segments.SegmentRow          mean_score implied_auc | test_segments.py::test_mean_score_and_implied_auc_are_those_of_the_members
models.random_audiences.Audience    n mean_confidence share_right | test_random_audiences.py::test_an_audience_is_what_its_filter_says
models.random_audiences.AudiencePromise  audiences asked least | test_random_audiences.py::test_too_few_members_are_said_not_hidden
models.random_audiences.AudiencePromise  broken_share mean_excess | test_random_audiences.py::test_an_audience_is_what_its_filter_says
models.random_audiences.AudiencePromise  by_chance | test_random_audiences.py::test_exact_confidence_stays_within_chance
models.stability.Margin             margin pairs flips removed said mean_confidence share_right | test_trade_off.py::test_stability_counted_again_profile_by_profile
models.trade_off.Cut                asked cut cut_high size share precision low high recall lift profit | test_trade_off.py::test_the_choice_agrees_with_brute_force
models.drivers.Driver               size share correlation low middle high unknown | test_drivers.py::test_the_figures_of_a_driver_in_closed_form
models.drivers.ReasonAgreement      rows top_in_three overlap | test_drivers.py::test_agreement_counts_what_the_reasons_say
models.leakage.FeaturePower         auc | test_leakage.py::test_power_of_one_feature_whichever_way_it_points
models.leakage.LastDayLoss          auc auc_without | test_leakage.py::test_what_a_last_day_held
registry.promises.PromiseRow        version at_least said promised right | test_published_figures.py::test_the_promise_is_what_was_said_beside_what_followed
pipelines.run_content.ScoredTag      population | test_published_figures.py::test_the_population_is_who_bought_lately
pipelines.run_content.ScoredTag      said unknown unknown_because mean_confidence unlike_training unseen_season horizon_days | test_published_figures.py::test_a_run_counts_its_values
pipelines.run_content.ScoredTag      reasons_top_in_three reasons_overlap | test_drivers.py::test_agreement_counts_what_the_reasons_say
serving.catalogue.TagRow            population coverage said mean_confidence champion quality | test_published_figures.py::test_an_audience_and_the_tree_count_the_same
serving.audiences.AudienceCount     members base share | test_published_figures.py::test_an_audience_and_the_tree_count_the_same
serving.audiences.AudienceCount     margin | test_estimates.py::test_an_estimate_holds_the_count_within_its_margin
serving.manifest.TagSummary         said unknown_because confidence | test_published_figures.py::test_a_run_counts_its_values
serving.manifest.TagSummary         spread | test_leakage.py::test_psi_of_masses_is_that_of_the_scores
serving.manifest.TagSummary         cut | test_movement.py::test_a_run_keeps_the_cut_of_each_tag
pipelines.movement.TagMovement      entered left changed by_data by_model by_threshold sampled | test_movement.py::test_who_entered_and_left_and_which_cause
pipelines.check.TagReadiness        population positives | test_published_figures.py::test_check_counts_the_cases_of_the_test_snapshot
"""


@dataclasses.dataclass(frozen=True)
class Proof:
    """What is proved, by which test of which file, against what."""

    subject: str
    file: str
    test: str
    against: str = ""
    fields: tuple[str, ...] = ()


def read_figures() -> list[Proof]:
    proofs = []
    for line in FIGURES.strip().splitlines():
        left, against = line.split(" | ")
        subject, where = left.split()
        proofs.append(Proof(subject, *where.split("::"), against))
    return proofs


def read_rows() -> list[Proof]:
    proofs = []
    for line in ROWS.strip().splitlines():
        left, where = line.split(" | ")
        subject, *fields = left.split()
        proofs.append(Proof(subject, *where.split("::"), fields=tuple(fields)))
    return proofs


PROOFS = read_figures()
PRINTED = read_rows()


def found(path: str) -> typing.Any:
    module, name = path.rsplit(".", 1)
    return getattr(importlib.import_module(module), name)


def test_every_metric_and_every_public_function_of_the_figures_has_a_proof() -> None:
    proved = {proof.subject for proof in PROOFS}
    assert len(proved) == len(PROOFS), "one line a function"
    assert {f"models.metrics.{function.__name__}" for function in METRICS.values()} <= proved
    for module in sorted({p.subject.rsplit(".", 1)[0] for p in PROOFS}):
        public = {
            f"{module}.{name}"
            for name, function in inspect.getmembers(importlib.import_module(module), inspect.isfunction)
            if function.__module__ == module and not name.startswith("_")
        }
        assert public <= proved, f"without a proof: {sorted(public - proved)}"
    assert all(callable(found(subject)) for subject in proved)


@pytest.mark.parametrize("subject", sorted({p.subject for p in PRINTED}))
def test_every_printed_number_of_a_row_has_a_proof(subject) -> None:
    hints = typing.get_type_hints(found(subject))
    numbers = {
        field.name
        for field in dataclasses.fields(found(subject))
        if {int, float} & {hints[field.name], *typing.get_args(hints[field.name])}
    }
    listed = [name for proof in PRINTED if proof.subject == subject for name in proof.fields]
    assert sorted(listed) == sorted(numbers)


@pytest.mark.parametrize("proof", [*PROOFS, *PRINTED], ids=lambda p: p.subject.split(".", 1)[1])
def test_the_named_test_is_there_and_speaks_of_what_it_proves(proof) -> None:
    text = (TESTS / proof.file).read_text(encoding="utf-8")
    tests = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    assert proof.test in tests, f"{proof.file} has no {proof.test}"
    mine = ast.get_source_segment(text, tests[proof.test]) or ""
    assert "assert" in mine or "covered(" in mine
    if proof.fields:
        return
    # By its own name, or through what wraps it: the file has to import one of the two.
    name = proof.subject.rsplit(".", 1)[1]
    module = proof.subject.rsplit(".", 1)[0]
    assert name in text or module.rsplit(".", 1)[1] in text, f"{proof.file} never speaks of {name}"
    assert proof.against in AGAINST
    words = AGAINST[proof.against]
    assert not words or any(word in text for word in words), f"{proof.file} does not use {words}"
