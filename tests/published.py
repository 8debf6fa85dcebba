"""Preference data in the shape in which each set is published; the content is ours."""

from __future__ import annotations

from typing import Any

USER = {"role": "user", "content": "What grinds?"}
ASKED, GOOD, BAD = "What grinds?", "The stone grinds.", "Nothing does."
SAID = {"role": "assistant", "content": GOOD}
UNSAID = {"role": "assistant", "content": BAD}
RATED = {"helpfulness": 4, "correctness": 3, "coherence": 4, "complexity": 1, "verbosity": 2}

PUBLISHED: dict[str, list[dict[str, Any]]] = {
    "rewardbench": [
        {
            "prompt": ASKED,
            "chosen": GOOD,
            "chosen_model": "m1",
            "rejected": BAD,
            "rejected_model": "m2",
            "subset": "hep-go",
            "id": 7,
        }
    ],
    "rewardbench2": [
        {
            "id": "tied:3",
            "prompt": ASKED,
            "chosen": [GOOD, "The runner stone."],
            "rejected": [BAD, "The wind.", "A fox."],
            "num_correct": 2,
            "num_rejected": 3,
            "total_completions": 5,
            "models": ["m1", "m2", "m3", "m4", "m5"],
            "subset": "Ties",
            "additional_metadata": None,
        }
    ],
    "rm_bench": [
        {
            "id": "r1",
            "prompt": ASKED,
            "chosen": [GOOD, GOOD * 2, "# " + GOOD],
            "rejected": [BAD, BAD * 2, "# " + BAD],
            "domain": "chat",
        }
    ],
    "judgebench": [
        {
            "pair_id": "j1",
            "original_id": "5",
            "source": "mmlu-pro-math",
            "question": ASKED,
            "response_model": "m",
            "response_A": BAD,
            "response_B": GOOD,
            "label": "B>A",
        }
    ],
    "llmbar": [{"input": ASKED, "output_1": GOOD, "output_2": BAD, "label": 1}],
    "multipref": [
        {
            "comparison_id": "c1",
            "prompt_id": "q",
            "text": ASKED,
            "model_a": "m1",
            "completion_a": GOOD,
            "model_b": "m2",
            "completion_b": BAD,
            "source": "s",
            "category": "Open QA",
            "normal_worker_annotations": [
                {
                    "evaluator": "w1",
                    "overall_pref": "A-is-clearly-better",
                    "helpful_pref": "Tie",
                    "truthful_pref": "",
                    "harmless_pref": None,
                },
                {"evaluator": "w2", "overall_pref": "B-is-slightly-better"},
            ],
            "expert_worker_annotations": [
                {"evaluator": "e1", "overall_pref": "A-is-slightly-better"},
                {"evaluator": "e2", "overall_pref": "Tie"},
            ],
        }
    ],
    "helpsteer2": [
        {"prompt": ASKED, "response": GOOD, **RATED},
        {"prompt": ASKED, "response": BAD, **RATED, "helpfulness": 1},
        {"prompt": "And now?", "response": GOOD, **RATED},
        {"prompt": "And now?", "response": BAD, **RATED},
    ],
    "helpsteer2_preference": [
        {
            "split": "train",
            "prompt": ASKED,
            "response_1": GOOD,
            "response_2": BAD,
            "preference_strength": -2,
            "preference_statement": "The first is better.",
            "all_preferences_unprocessed": [{"strength": -3}, {"strength": -100}, {"strength": 1}],
        }
    ],
    "helpsteer3": [
        {
            "domain": "general",
            "language": "english",
            "context": [{"role": "user", "content": "Hi"}, SAID, USER],
            "response1": BAD,
            "response2": GOOD,
            "overall_preference": 2,
            "individual_preference": [{"score": 3, "reasoning": "…"}, {"score": 0, "reasoning": "…"}],
        }
    ],
    "hh": [
        {
            "chosen": f"\n\nHuman: Hello\n\nAssistant: Hi.\n\nHuman: {ASKED}\n\nAssistant: {GOOD}",
            "rejected": f"\n\nHuman: Hello\n\nAssistant: Hi.\n\nHuman: {ASKED}\n\nAssistant: {BAD}",
        }
    ],
    "plain_pair": [
        {
            "id": "x",
            "prompt": ASKED,
            "response_a": BAD,
            "response_b": GOOD,
            "label": "b",
            "category": "mill",
            "model_b": "m",
        }
    ],
    "ultrafeedback": [
        {
            "source": "flan",
            "instruction": ASKED,
            "models": ["m1", "m2"],
            "completions": [
                {
                    "model": "m1",
                    "principle": "honesty",
                    "response": GOOD,
                    "annotations": {
                        "helpfulness": {"Rating": "5", "Rationale": "It says which."},
                        "honesty": {"Rating": "4", "Rationale": ""},
                        "truthfulness": {"Rating": "N/A", "Rationale": None},
                    },
                    "overall_score": 8.5,
                },
                {
                    "model": "m2",
                    "response": BAD,
                    "annotations": {"helpfulness": {"Rating": "1"}, "honesty": {"Rating": "2"}},
                    "overall_score": 10,
                },
            ],
        }
    ],
    "openhermes": [
        {
            "source": "airoboros2.2",
            "category": "orca",
            "prompt": ASKED,
            "candidates_completions": ["A fox.", GOOD, BAD],
            "candidate_policies": ["m1", "m2", "m3"],
            "ranks": [2, 1, 3],
            "rank_str": "B > A > C",
            "chosen_policy": "m2",
            "chosen": [USER, SAID],
            "rejected_policy": "m3",
            "rejected": [USER, UNSAID],
        }
    ],
    "pku_saferlhf": [
        {
            "prompt": ASKED,
            "response_0": BAD,
            "response_1": GOOD,
            "response_0_source": "m1",
            "is_response_0_safe": False,
            "is_response_1_safe": True,
            "better_response_id": 1,
            "safer_response_id": 1,
        }
    ],
    "arena": [
        {
            "question_id": "q1",
            "model_a": "m1",
            "model_b": "m2",
            "winner": "model_b",
            "conversation_a": [USER, UNSAID],
            "conversation_b": [USER, SAID],
            "language": "English",
        },
        {
            "winner_model_a": 1,
            "winner_model_b": 0,
            "winner_tie": 0,
            "conversation_a": [USER, SAID],
            "conversation_b": [USER, UNSAID],
        },
    ],
    "ranked": [
        {"context": [USER], "completions": [{"rank": 1, "completion": [UNSAID]}, {"rank": 0, "completion": [SAID]}]}
    ],
    "unpaired": [
        {"prompt": [USER], "completion": [SAID], "label": True},
        {"prompt": [{"role": "user", "content": "And now?"}], "completion": [SAID], "label": True},
        {"prompt": [USER], "completion": [UNSAID], "label": False},
        {"prompt": [{"role": "user", "content": "And now?"}], "completion": [UNSAID], "label": False},
    ],
    "messages": [
        {"messages": [USER], "chosen": SAID, "rejected": UNSAID},
        {
            "conversations": None,
            "messages": [{"from": "human", "value": ASKED}],
            "chosen": {"from": "gpt", "value": GOOD},
            "rejected": {"from": "gpt", "value": BAD},
        },
    ],
    "orca": [{"system": "Be brief.", "question": ASKED, "chosen": GOOD, "rejected": BAD}],
    "preference": [
        {"prompt": ASKED, "chosen": GOOD, "rejected": BAD},
        {"prompt": [USER], "chosen": [SAID], "rejected": [UNSAID]},
        {"chosen": [USER, SAID], "rejected": [USER, UNSAID]},
        {"prompt": ASKED, "chosen": [USER, SAID], "rejected": [USER, UNSAID]},
    ],
}
