"""Reading and binding recipes: every mistake is one sentence with the file, the line and the nearest right name."""

# ruff: noqa: E501  (a table of mistakes reads best with one mistake a line)

from __future__ import annotations

from pathlib import Path

import pytest

from flows.recipes import shipped_recipes
from pipeline.binding import BoundRecipe, bind
from schemas.errors import RecipeError, nearest
from schemas.recipe import read_recipe

HEAD = "recipe: r\nsteps:\n"
TO_PROMPTS = HEAD + "  - mine/chunk\n  - mine/qa\n"
TO_RESPONSES = TO_PROMPTS + "  - sample/grid\n"
TO_SIGNALS = TO_RESPONSES + "  - judge/pairwise: {principle: helpful}\n"
TO_PAIRS = TO_SIGNALS + "  - select/best_worst\n"

PROMPTS = {
    "wrong_input.md": "---\ninputs: [passage, titel]\n---\n<!-- user -->\n{{ passage }} {{ titel }}\n",
    "undeclared.md": "---\ninputs: [passage]\n---\n<!-- user -->\n{{ passage }} {{ pasage }}\n",
    "unclosed.md": "---\ninputs: [passage]\n---\n<!-- user -->\n{{ passage\n",
    "headless.md": "<!-- user -->\n{{ passage }}\n",
    "roleless.md": "---\ninputs: [passage]\n---\n{{ passage }}\n",
    "filter.md": "---\ninputs: [passage]\n---\n<!-- user -->\n{{ passage | fence('passage') }}\n",
    "nested_inputs.md": "---\ninputs: [{passage: text}]\n---\n<!-- user -->\nHello.\n",
    "good.md": "---\nabout: My own.\ninputs: [passage, count]\n---\n<!-- user -->\n{{ passage | fenced('p') }}\n",
}


def read(folder: Path, text: str | bytes) -> BoundRecipe:
    """The recipe of this text, bound; the prompts above lie beside it."""
    for name, words in PROMPTS.items():
        (folder / name).write_text(words, encoding="utf-8")
    path = folder / "recipe.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return bind(read_recipe(path))


def mistake(folder: Path, text: str | bytes) -> RecipeError:
    """The mistake in a recipe; it is one sentence that starts with its place."""
    with pytest.raises(RecipeError) as caught:
        read(folder, text)
    problem = caught.value
    place = f"{folder / 'recipe.yaml'}:{problem.line}: " if problem.line else f"{folder / 'recipe.yaml'}: "
    assert str(problem) == place + problem.message
    assert problem.exit_code == 2
    assert problem.message.endswith("\n") is False
    return problem


BINDING = {
    "unknown strategy": (HEAD + "  - mine/chunk\n  - mine/qq\n", 4, "did you mean `mine/qa`?"),
    "misspelt stage": (HEAD + "  - mien/chunk\n", 3, "did you mean `mine/chunk`?"),
    "stage left out": (HEAD + "  - chunk\n", 3, "did you mean `mine/chunk`?"),
    "stage left out and misspelt": (HEAD + "  - pairwize\n", 3, "did you mean `judge/pairwise`?"),
    "misspelt parameter": (HEAD + "  - mine/chunk:\n      tokns: 100\n", 4, "has no parameter `tokns`; did you mean `tokens`?"),
    "a class variable is no parameter": (HEAD + "  - mine/chunk: {version: 2}\n", 3, "has no parameter `version`"),
    "number as text": (HEAD + "  - mine/chunk:\n      depth: 2\n      tokens: '100'\n", 5, "`tokens` is '100'"),
    "half a token": (HEAD + "  - mine/chunk: {tokens: 100.5}\n", 3, "`tokens` is 100.5"),
    "yes for a number": (HEAD + "  - mine/chunk: {tokens: true}\n", 3, "`tokens` is True"),
    "number for yes": (TO_RESPONSES + "  - judge/pairwise: {principle: helpful, control: 1}\n", 6, "`control` is 1"),
    "parameter that is no more": (TO_RESPONSES + "  - judge/pairwise: {principle: helpful, explain: false}\n", 6, "no parameter `explain` any more; write `reasoning: first` in place of true, `reasoning: none` of false"),
    "votes without a number": (TO_RESPONSES + "  - judge/pairwise: {principle: helpful, by: votes, temperature: 1.0}\n", 6, "`by: votes` needs a number of `votes`"),
    "greedy votes": (TO_RESPONSES + "  - judge/pairwise: {principle: helpful, by: votes, votes: 3}\n", 6, "a `temperature` above 0, or all votes would be the same"),
    "votes for a verdict": (TO_RESPONSES + "  - judge/pairwise: {principle: helpful, votes: 3}\n", 6, "`votes` and `stop_at` go with `by: votes`, not with `by: verdict`"),
    "warm likelihood": (TO_RESPONSES + "  - judge/pairwise: {principle: helpful, by: likelihood, temperature: 0.7}\n", 6, "leave `temperature` at 0"),
    "likelihood with a reason": (TO_RESPONSES + "  - judge/pairwise: {principle: helpful, by: likelihood, reasoning: first}\n", 6, "use `reasoning: apart` or `none`"),
    "principle without detail": (TO_RESPONSES + "  - judge/pairwise: {principle: honest, preamble: detailed}\n", 6, "principle 'honest' has no `detail`"),
    "one label twice": (TO_RESPONSES + "  - judge/pairwise: {principle: helpful, labels: [A, A]}\n", 6, "both labels are 'A'"),
    "label that is a tie": (TO_RESPONSES + "  - judge/pairwise: {principle: helpful, labels: [A, tie]}\n", 6, "'tie' cannot be a label"),
    "label of a chat": (TO_RESPONSES + "  - judge/pairwise: {principle: helpful, labels: ['[INST]', B]}\n", 6, "'[INST]' cannot be a label"),
    "example of a tie": (TO_RESPONSES + "  - judge/pairwise: {principle: helpful, ties: refused, examples: [{name: e, question: q, first: f, second: s, better: tie}]}\n", 6, "example 'e' is a tie, which `ties: refused` does not allow"),
    "unknown examples": (TO_RESPONSES + "  - judge/pairwise: {principle: helpful, examples: harmles}\n", 6, "'harmles' is not an example; did you mean `harmless`?"),
    "out of bounds": (HEAD + "  - mine/chunk: {tokens: 3}\n", 3, "`tokens` is 3: Input should be greater"),
    "a date": (HEAD + "  - mine/chunk: {tokens: 2020-01-01}\n", 3, "plain numbers, words and lists"),
    "not a number": (HEAD + "  - mine/chunk: {tokens: .nan}\n", 3, "plain numbers, words and lists"),
    "word that is not offered": (TO_PROMPTS + "  - sample/grid:\n      show: all\n", 6, "'nothing' or 'passage'"),
    "one word for a list": (TO_PROMPTS + "  - sample/grid:\n      models: default\n", 6, "`models` is 'default'"),
    "empty list": (TO_PROMPTS + "  - sample/grid:\n      models: []\n", 6, "`models` is []"),
    "same draw many times": (TO_PROMPTS + "  - sample/grid: {temperatures: [0]}\n", 5, "the same draw every time"),
    "wrong kind of unit": (HEAD + "  - mine/chunk\n  - sample/gold\n", 4, "works on prompts, but no earlier step makes them; put one of mine/preferences, mine/qa"),
    "judging nothing": (TO_PROMPTS + "  - judge/pairwise: {principle: helpful}\n", 5, "put one of sample/gold, sample/grid, sample/preferences before it"),
    "selecting unjudged": (TO_RESPONSES + "  - select/best_worst\n", 6, "works on signals"),
    "releasing nothing": (HEAD + "  - land/release\n", 3, "works on pairs"),
    "release in between": (TO_PAIRS + "  - land/release\n  - select/exact_duplicates\n", 8, "`land/release` is the last step"),
    "two releases": (TO_PAIRS + "  - land/release\n  - land/release\n", 8, "`land/release` is the last step"),
    "missing model": ("recipe: r\nmodels:\n  writer: {model: x}\nsteps:\n  - mine/chunk\n  - mine/qa:\n      model: writter\n", 7, "did you mean `writer`?"),
    "missing model in a list": ("recipe: r\nmodels:\n  writer: {model: x}\nsteps:\n  - mine/chunk\n  - mine/qa\n  - sample/grid:\n      draws: 2\n      models: [writter]\n", 9, "did you mean `writer`?"),
    "no principle": (TO_RESPONSES + "  - judge/pairwise\n", 6, "needs the parameter `principle`"),
    "unknown principle": (TO_RESPONSES + "  - judge/pairwise:\n      facts: nothing\n      principle: helpfull\n", 8, "did you mean `helpful`?"),
    "missing file of a principle": (TO_RESPONSES + "  - judge/pairwise: {principle: ./no.yaml}\n", 6, "'./no.yaml' is not a file"),
    "file that is no principle": (TO_RESPONSES + "  - judge/pairwise: {principle: ./recipe.yaml}\n", 6, "is not a principle"),
    "missing prompt file": (HEAD + "  - mine/chunk\n  - mine/qa:\n      prompt: no.md\n", 5, "cannot be read"),
    "prompt that is a number": (HEAD + "  - mine/chunk\n  - mine/qa:\n      prompt: 3\n", 5, "is 3"),
    "prompt for a strategy that asks nobody": (TO_PROMPTS + "  - sample/gold:\n      prompt: good.md\n", 6, "takes no `prompt`"),
    "prompt with an input that nobody gives": (HEAD + "  - mine/chunk\n  - mine/qa:\n      prompt: wrong_input.md\n", 5, "did you mean `title`?"),
    "prompt with an undeclared variable": (HEAD + "  - mine/chunk\n  - mine/qa:\n      prompt: undeclared.md\n", 5, "did you mean `passage`?"),
    "prompt with a mistake in its template": (HEAD + "  - mine/chunk\n  - mine/qa:\n      prompt: unclosed.md\n", 5, "not a valid template"),
    "prompt with an unknown filter": (HEAD + "  - mine/chunk\n  - mine/qa:\n      prompt: filter.md\n", 5, "not a valid template"),
    "prompt without a head": (HEAD + "  - mine/chunk\n  - mine/qa:\n      prompt: headless.md\n", 5, "a YAML head"),
    "prompt without a role": (HEAD + "  - mine/chunk\n  - mine/qa:\n      prompt: roleless.md\n", 5, "`<!-- user -->`"),
    "splits that are not all": (TO_PAIRS + "  - land/release:\n      splits: {train: 0.5}\n", 9, "make them sum to 1"),
    "unknown split": (TO_PAIRS + "  - land/release:\n      splits: {trian: 1.0}\n", 9, "did you mean `train`?"),
}  # fmt: skip

FORM = {
    "unknown key": ("recipe: r\nmodles: {}\nsteps:\n  - mine/chunk\n", 2, "unknown key `modles`; did you mean `models`?"),
    "unknown key of a model": ("recipe: r\nmodels:\n  a:\n    model: x\n    enigne: vllm\nsteps: [mine/chunk]\n", 5, "did you mean `engine`?"),
    "unknown engine": ("recipe: r\nmodels:\n  a:\n    model: x\n    engine: vlm\nsteps: [mine/chunk]\n", 5, "'vllm', 'openai', 'model2vec', 'sentence-transformers' or 'rehearsal'"),
    "model that is a word": ("recipe: r\nmodels:\n  a: Qwen\nsteps: [mine/chunk]\n", 3, "`models.a` is 'Qwen'"),
    "models that are a list": ("recipe: r\nmodels: [a]\nsteps: [mine/chunk]\n", 2, "`models` is ['a']"),
    "impossible concurrency": ("recipe: r\nmodels:\n  a: {concurrency: 0}\nsteps: [mine/chunk]\n", 3, "`models.a.concurrency` is 0"),
    "no name": ("steps:\n  - mine/chunk\n", 1, "the key `recipe` is missing"),
    "name that is a list": ("recipe: [a]\nsteps: [mine/chunk]\n", 1, "`recipe` is ['a']"),
    "key given twice": ("recipe: r\nrecipe: s\nsteps: [mine/chunk]\n", 2, "`recipe` is given twice"),
    "model given twice": ("recipe: r\nmodels:\n  a: {}\n  a: {}\nsteps: [mine/chunk]\n", 4, "`a` is given twice"),
    "parameter given twice": (HEAD + "  - mine/chunk:\n      tokens: 100\n      tokens: 200\n", 5, "`tokens` is given twice"),
    "unclosed bracket": ("recipe: r\nsteps: [\n  - a\n", 3, "is not valid YAML"),
    "tab": ("recipe: r\nsteps:\n\t- mine/chunk\n", 3, "is not valid YAML"),
    "foreign tag": ("recipe: !mine r\nsteps: [mine/chunk]\n", 1, "is not valid YAML"),
    "second document": ("recipe: r\nsteps: [mine/chunk]\n---\nrecipe: s\n", 3, "is not valid YAML"),
    "list as a key": (HEAD + "  - mine/chunk:\n      ? [a]\n      : 4\n", 4, "keys are plain words"),
    "nothing as a key": (HEAD + "  - mine/chunk: {null: 4}\n", 3, "keys are plain words"),
    "no steps": ("recipe: r\n", 1, "has no steps"),
    "empty steps": ("recipe: r\nsteps: []\n", 2, "has no steps"),
    "steps left blank": ("recipe: r\nsteps:\n", 2, "`steps`"),
    "steps that are a word": ("recipe: r\nsteps: mine/chunk\n", 2, "`steps` is 'mine/chunk'"),
    "steps that are a mapping": ("recipe: r\nsteps:\n  mine/chunk: {}\n", 2, "`steps` is {"),
    "step that is a list": (HEAD + "  - [mine/chunk]\n", 3, "a step is `stage/strategy`"),
    "step that is two": (HEAD + "  - mine/chunk: {}\n    mine/qa: {}\n", 3, "a step is `stage/strategy`"),
    "step that is a number": (HEAD + "  - mine/chunk\n  - 3\n", 4, "a step is `stage/strategy`"),
    "step left blank": (HEAD + "  -\n", 3, "a step is `stage/strategy`"),
    "parameters that are a list": (HEAD + "  - mine/chunk: [1]\n", 3, "a step is `stage/strategy`"),
    "parameters that are a word": (HEAD + "  - mine/chunk: fast\n", 3, "a step is `stage/strategy`"),
    "list": ("- a\n- b\n", 1, "is not a recipe"),
    "prose": ("Dear reader,\n", 1, "is not a recipe"),
    "empty file": ("", 1, "is not a recipe"),
    "comment alone": ("# later\n", 1, "is not a recipe"),
    "windows line ends": ("recipe: r\r\nsteps:\r\n  - mine/chunk:\r\n      tokns: 3\r\n", 4, "did you mean `tokens`?"),
    "picture": (bytes(range(256)), None, "cannot be read"),
    "utf-16": ("recipe: r\nsteps: [mine/chunk]\n".encode("utf-16"), None, "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("name", BINDING)
def test_a_step_that_cannot_run_is_found_with_its_line(tmp_path: Path, name: str) -> None:
    text, line, words = BINDING[name]
    problem = mistake(tmp_path, text)
    assert problem.line == line
    assert words in problem.message


@pytest.mark.parametrize("name", FORM)
def test_a_mistake_of_form_is_found_with_its_line(tmp_path: Path, name: str) -> None:
    text, line, words = FORM[name]
    problem = mistake(tmp_path, text)
    assert problem.line == line
    assert words in problem.message


def test_a_recipe_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nowhere\.yaml: cannot be read"):
        read_recipe(tmp_path / "nowhere.yaml")


# --- what is right ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipes_have_no_mistakes(name: str) -> None:
    recipe = bind(read_recipe(shipped_recipes()[name]))
    assert recipe.name == name
    assert recipe.file.recipe.about


@pytest.mark.parametrize(
    "step",
    ["  - mine/chunk", "  - mine/chunk:", "  - mine/chunk: {}", "  - mine/chunk: {tokens: 400}", "  - {mine/chunk: }"],
)
def test_a_step_without_parameters_may_be_written_in_any_way(tmp_path: Path, step: str) -> None:
    assert [each.key for each in read(tmp_path, f"{HEAD}{step}\n").steps] == ["mine/chunk"]


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf" + (HEAD + "  - mine/chunk\n").encode()).name == "r"


def test_an_alias_repeats_what_it_names(tmp_path: Path) -> None:
    text = "recipe: r\nmodels:\n  a: &one {model: x}\n  b: *one\nsteps: [mine/chunk]\n"
    recipe = read(tmp_path, text)
    assert recipe.models["a"] == recipe.models["b"]


def test_steps_of_the_same_strategy_are_told_apart(tmp_path: Path) -> None:
    steps = TO_RESPONSES + "  - sample/grid: {role: student}\n"
    assert [step.label for step in read(tmp_path, steps).steps][-2:] == ["sample/grid", "sample/grid#2"]


def test_a_recipe_may_bring_its_own_words(tmp_path: Path) -> None:
    step = read(tmp_path, HEAD + "  - mine/chunk\n  - mine/qa: {prompt: good.md}\n").steps[-1]
    assert step.templates["mine/qa"].about == "My own."


def test_a_recipe_is_cut_at_its_barriers(tmp_path: Path) -> None:
    steps = "  - select/exact_duplicates: {of: prompts, keep: oldest}\n"
    text = TO_PAIRS.replace("  - mine/qa\n", "  - mine/qa\n" + steps) + "  - select/exact_duplicates\n  - land/release\n"
    recipe = read(tmp_path, text)
    assert [[step.key for step in stretch] for stretch in recipe.stretches] == [
        ["mine/chunk", "mine/qa"],
        ["select/exact_duplicates"],
        ["sample/grid", "judge/pairwise", "select/best_worst"],
        ["select/exact_duplicates"],
    ]
    assert recipe.release is not None
    assert recipe.release.key == "land/release"


def test_the_nearest_name_is_named_or_else_all() -> None:
    assert nearest("tokns", ["tokens", "least"]) == "; did you mean `tokens`?"
    assert nearest("xyz", ["b", "a"]) == "; there is: a, b"
    assert nearest("x", []) == ""


# --- known bugs ------------------------------------------------------------------------------------------------------


def test_the_parameter_on_can_be_written_without_quotes(tmp_path: Path) -> None:
    recipe = read(tmp_path, TO_PAIRS + "  - select/exact_duplicates:\n      on: prompt\n")
    assert recipe.steps[-1].strategy.on == "prompt"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (TO_PROMPTS + "  - sample/grid:\n      temperatures:\n        - 0.5\n        - 3\n", 8),
        (TO_PAIRS + "  - land/release:\n      gates:\n        min_documents: 1\n        min_pairs: lots\n", 11),
    ],
)
def test_a_mistake_inside_a_parameter_has_its_own_line(tmp_path: Path, text: str, line: int) -> None:
    assert mistake(tmp_path, text).line == line


def test_a_misspelt_gate_is_found_with_the_nearest_name(tmp_path: Path) -> None:
    problem = mistake(tmp_path, TO_PAIRS + "  - land/release:\n      gates: {min_pair: 3}\n")
    assert "did you mean `min_pairs`?" in problem.message


def test_a_principle_without_a_definition_is_told_so(tmp_path: Path) -> None:
    text = TO_RESPONSES + "  - judge/pairwise:\n      principle: {name: kind, negation: n}\n"
    assert "definition" in mistake(tmp_path, text).message


def test_an_alias_that_names_itself_is_a_mistake(tmp_path: Path) -> None:
    mistake(tmp_path, "recipe: &r\n  x: *r\nsteps: [mine/chunk]\n")


def test_a_prompt_whose_inputs_are_no_words_is_a_mistake(tmp_path: Path) -> None:
    mistake(tmp_path, HEAD + "  - mine/chunk\n  - mine/qa:\n      prompt: nested_inputs.md\n")


@pytest.mark.parametrize(
    "text", [b"recipe: r\x00\nsteps: [mine/chunk]\n", HEAD + "  - mine/chunk\n  - mine/qa: {prompt: filter.md}\n"]
)
def test_a_mistake_is_told_in_one_line(tmp_path: Path, text: str | bytes) -> None:
    assert "\n" not in mistake(tmp_path, text).message


def test_steps_that_are_no_list_are_asked_to_be_a_list(tmp_path: Path) -> None:
    assert "list" in mistake(tmp_path, "recipe: r\nsteps: mine/chunk\n").message
