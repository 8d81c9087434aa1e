import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from pose3d.config.check import Params, load_and_check_files
from pose3d.config.dataset import VideoPose3DParams
from pose3d.config.lifting import RepnetParams
from pose3d.config.pose2d import CropResizeParams
from pose3d.config.reading import StageParams, read_yaml
from pose3d.runtime.errors import InputError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def root(tmp_path):
    """A copy of the committed params, data sets and sizes, on size smoke."""
    for folder in ("data_sets", "sizes"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
    change(tmp_path / "params.yaml", "size", "smoke")
    return tmp_path


def change(path: Path, key: str, value) -> None:
    """Set ``block.key`` (or a top-level key) in a YAML file."""
    content = yaml.safe_load(path.read_text())
    *blocks, last = key.split(".")
    target = content
    for block in blocks:
        target = target.setdefault(block, {})
    target[last] = value
    path.write_text(yaml.safe_dump(content))


def names(folder):
    return sorted(path.stem for path in (ROOT / folder).glob("*.yaml"))


@pytest.mark.parametrize("data", names("data_sets"))
@pytest.mark.parametrize("size", names("sizes"))
def test_every_committed_data_set_loads_at_every_size(root, data, size):
    change(root / "params.yaml", "data", data)
    change(root / "params.yaml", "size", size)
    params = Params.load(root)
    assert (params.data, params.size, params.dataset.source) == (data, size, data)


def test_the_three_files_are_merged(root):
    params = Params.load(root)
    files = ("params.yaml", "data_sets/embedded.yaml", "sizes/smoke.yaml")
    method, data, size = (yaml.safe_load((root / file).read_text()) for file in files)
    assert params.repnet.reproj_weight == method["repnet"]["reproj_weight"]
    assert params.repnet.critic_weight == data["repnet"]["critic_weight"]
    assert params.repnet.steps == size["repnet"]["steps"]
    change(root / "sizes/smoke.yaml", "crop_resize.size_px", 48)
    assert Params.load(root).crop_resize.size_px == 48


def test_blocks_are_frozen(root):
    with pytest.raises(ValueError, match="frozen"):
        Params.load(root).crop_resize.margin = 2


@pytest.mark.parametrize("file", ["params.yaml", "data_sets/embedded.yaml", "sizes/smoke.yaml"])
def test_an_unknown_key_is_named(root, file):
    change(root / file, "repnet.learning_rat", 1)
    with pytest.raises(InputError, match="repnet.learning_rat is not a known key"):
        Params.load(root)


def test_an_unknown_block_is_named(root):
    change(root / "params.yaml", "repnett", {"steps": 1})
    with pytest.raises(InputError, match="repnett is not a known key"):
        Params.load(root)


def test_a_missing_key_is_named(root):
    content = yaml.safe_load((root / "params.yaml").read_text())
    del content["crop_resize"]["margin"]
    (root / "params.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match="crop_resize.margin is missing"):
        Params.load(root)


@pytest.mark.parametrize("file", ["params.yaml", "data_sets/embedded.yaml", "sizes/smoke.yaml"])
def test_a_key_that_lacks_or_is_misspelt_is_named_with_its_file(root, file):
    lines = (root / file).read_text().splitlines()
    written = [(i, re.match(r" *([a-z]\w*):", line)) for i, line in enumerate(lines)]
    for i, key in ((i, key) for i, key in written if key):
        for changed in (lines[i].replace(key[1], f"{key[1]}x", 1), lines[i].replace(key[1], f"#{key[1]}", 1)):
            (root / file).write_text("\n".join([*lines[:i], changed, *lines[i + 1 :]]))
            with pytest.raises(InputError, match=re.escape(Path(file).name)):
                Params.load(root)


@pytest.mark.parametrize("block", ["repnet", "repnet.steps"])
def test_what_lacks_is_named_with_the_size_where_other_sizes_have_it(root, block):
    text = (root / "sizes/smoke.yaml").read_text()
    renamed = text.replace("\nrepnet:", "\nrepneu:") if block == "repnet" else text.replace("\n  steps: ", "\n  #: ", 1)
    (root / "sizes/smoke.yaml").write_text(renamed)

    class RepnetStage(StageParams):
        repnet: RepnetParams

    with pytest.raises(InputError, match=r"^\S*sizes/smoke\.yaml: repnet\.steps is missing; add it$"):
        RepnetStage.load(root)


@pytest.mark.parametrize(
    ("key", "first", "second"),
    [
        ("crop_resize.margin", "params.yaml", "sizes/smoke.yaml"),
        ("train_2d.frame_step", "data_sets/embedded.yaml", "sizes/smoke.yaml"),
        ("lifting.limb_mix_prob", "params.yaml", "data_sets/embedded.yaml"),
        ("seed", "params.yaml", "data_sets/embedded.yaml"),
    ],
)
def test_a_key_in_two_files_is_named_with_both(root, key, first, second):
    change(root / second, key, 2)
    with pytest.raises(InputError, match=f"key '{key}' is in both .*{first} and .*{second}; keep one"):
        Params.load(root)


def test_a_block_that_is_a_value_elsewhere_is_named(root):
    change(root / "sizes/smoke.yaml", "seed", {"first": 1})
    with pytest.raises(
        InputError,
        match=r"'seed' is a block in one of .*smoke.yaml and .*, and a value",
    ):
        Params.load(root)


@pytest.mark.parametrize(
    ("profile", "data", "size"),
    [("small", "embedded", "small"), ("multiview", "embedded", "small"), ("human36m", "human36m", "full")],
)
def test_a_profile_of_earlier_versions_is_told_its_data_set_and_size(root, profile, data, size):
    change(root / "params.yaml", "profile", profile)
    with pytest.raises(InputError, match=f"write `data: {data}` and `size: {size}` in place") as caught:
        Params.load(root)
    assert ("real_views: pose2sim" in str(caught.value)) == (profile == "multiview")
    change(root / "params.yaml", "profile", "mine")
    with pytest.raises(InputError, match="split your profile 'mine' into data_sets/NAME.yaml and sizes/NAME.yaml"):
        Params.load(root)


@pytest.mark.parametrize(
    ("block", "former", "name"),
    [
        ("repnet", "average_decay", "ema_decay"),
        ("temporal", "lr_end_share", "final_lr_ratio"),
        ("lifting", "error_gain", "noise_scale"),
        ("train_2d", "sides_weight", "network.left_right_weight"),
        ("train_2d", "backbone", "network.backbone"),
    ],
)
def test_a_key_of_earlier_versions_is_told_its_name_and_the_weights(root, block, former, name):
    change(root / "sizes/smoke.yaml", f"{block}.{former}", 0.5)
    with pytest.raises(InputError, match=f"sizes/smoke.yaml: {block}.{former} is called {name} now") as caught:
        Params.load(root)
    assert ("reproj_weight 1 as 0.05" in str(caught.value)) == (block in ("repnet", "temporal"))


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("sizes/smoke.yaml", "# nothing\n", "smoke.yaml is empty and must hold keys and values: get it back with"),
        ("sizes/smoke.yaml", "- 1\n", "smoke.yaml is a list or a value and must hold keys and values"),
        ("params.yaml", "size: smoke\n", "params.yaml: data is missing; add `data: ` and one of embedded, "),
        (
            "params.yaml",
            "data: embedded\nsize: 1\n",
            r"size '1' is unknown; .* \(a name that YAML reads as something else",
        ),
        ("params.yaml", "profile: [small]\n", r"split your profile '\['small'\]'"),
    ],
)
def test_files_that_choose_nothing_say_what_to_write(root, file, text, message):
    (root / file).write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        Params.load(root)
    assert "\n" not in str(caught.value)


def test_a_folder_in_place_of_a_file_and_no_files_at_all_are_named(root):
    (root / "sizes/smoke.yaml").unlink()
    (root / "sizes/smoke.yaml").mkdir()
    with pytest.raises(InputError, match=r"sizes/smoke.yaml is a folder, not a file of keys and values"):
        Params.load(root)
    shutil.rmtree(root / "sizes")
    with pytest.raises(InputError, match=r"sizes/ is missing or holds no .yaml files: run from the root"):
        Params.load(root)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("repnet.steps", True, "sizes/smoke.yaml: repnet.steps must be a number, not true"),
        (
            "train_2d.schedule",
            {"kind": "linear"},
            "smoke.yaml: train_2d.schedule.kind is 'linear'; choose one of",
        ),
        ("train_2d.schedule", {"warmup": 0.1}, "smoke.yaml: train_2d.schedule.kind is missing; add it"),
        ("repnet.steps", "many", "sizes/smoke.yaml: repnet.steps must be a whole number, not 'many'"),
        ("repnet", None, "a value in the other"),
    ],
)
def test_the_one_file_that_has_the_key_is_named(root, key, value, message):
    change(root / "sizes/smoke.yaml", key, value)
    with pytest.raises(InputError, match=message) as caught:
        Params.load(root)
    assert "\n" not in str(caught.value) and "Value error" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("repnet.betas", [0.5, 1.0], r"params.yaml: repnet.betas.1 must be below 1, not 1.0"),
        ("temporal.betas", [True, 0.9], r"params.yaml: temporal.betas.0 must be a number, not true"),
        ("seed", True, "params.yaml: seed must be a number, not true"),
        ("seed", False, "params.yaml: seed must be a number, not false"),
        ("lifting.reproj_joint_weights", {"Head": True}, "reproj_joint_weights.Head must be a number, not true"),
    ],
)
def test_what_the_optimizer_refuses_and_true_for_a_number_are_named(root, key, value, message):
    change(root / "params.yaml", key, value)
    with pytest.raises(InputError, match=message):
        Params.load(root)


def test_the_least_and_the_greatest_that_work_pass(root):
    change(root / "params.yaml", "repnet.betas", [0, 0.999])
    change(root / "params.yaml", "seed", 0)
    change(root / "params.yaml", "repnet.ema_decay", 1)
    params = Params.load(root)
    assert params.repnet.betas == (0.0, 0.999) and params.seed == 0 and params.repnet.ema_decay == 1


def test_a_key_twice_in_one_file_is_named_with_its_line(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("a: {b: 1}\nc:\n  d: 1\n  e: 2\n  d: 3\n")
    with pytest.raises(InputError, match=r"key 'd' is written twice \(again on line 5\)"):
        read_yaml(path)


def test_scientific_notation_that_yaml_reads_as_text_is_a_number(root):
    # What `dvc exp run -S` writes for 0.00001: a string to YAML 1.1.
    path = root / "params.yaml"
    path.write_text(path.read_text().replace("pck_threshold: 0.1", "pck_threshold: 1e-05"))
    assert yaml.safe_load(path.read_text())["evaluate"]["pck_threshold"] == "1e-05"
    assert Params.load(root).evaluate.pck_threshold == 1e-5


def test_the_wider_prior_of_the_models_card_is_read(root):
    from dvc.utils.hydra import apply_overrides

    command = re.search(r"dvc exp run .*", (ROOT / "models/README.md").read_text())[0]
    for file, override in re.findall(r"(data_sets/\w+\.yaml):([^' ]+)", command):
        apply_overrides(root / file, [override])
    params = Params.load(root)
    assert [source.subjects for source in params.lifting.prior] == [("S5", "S6", "S7")]
    assert params.repnet.critic_weight == 0


@pytest.mark.parametrize("value", ["abc", "nan", ".inf", -1, 0, None, [1]])
def test_what_is_no_positive_number_is_named(root, value):
    change(root / "params.yaml", "evaluate.pck_threshold", value)
    with pytest.raises(InputError, match="evaluate.pck_threshold") as caught:
        Params.load(root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [0, 1.5, "many"])
def test_what_is_no_positive_whole_number_is_named(root, value):
    change(root / "params.yaml", "evaluate.nearest_poses", value)
    with pytest.raises(InputError, match="evaluate.nearest_poses"):
        Params.load(root)


@pytest.mark.parametrize(("key", "known"), [("data", "embedded, h36m_fetch"), ("size", "full, gpu")])
def test_an_unknown_data_set_or_size_lists_the_known_ones(root, key, known):
    change(root / "params.yaml", key, "huge")
    with pytest.raises(InputError, match=rf"{key} 'huge' is unknown; choose one of {known}"):
        Params.load(root)


@pytest.mark.parametrize("source", [{"subjects": ["S9"]}, {"subjects": ["S7", "S8"]}, {}])
def test_the_priors_own_subjects_must_be_training_subjects(root, source):
    change(root / "data_sets/embedded.yaml", "lifting.prior", [{"file": "priors/a.h5", "subjects": ["S9"]}, source])
    with pytest.raises(
        InputError, match=r"^\S+/data_sets/embedded.yaml: lifting\.prior\.1\.subjects must name subjects of dataset.sub"
    ) as caught:
        Params.load(root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "file",
    ["data/sequences.h5", "/priors/a.h5", "priors/../a.h5", "priors/../../b/a.h5", "../priors/a.h5", "priors/a.npz"],
)
def test_a_prior_file_outside_priors_is_named(root, file):
    change(root / "data_sets/embedded.yaml", "lifting.prior", [{"file": file}])
    with pytest.raises(InputError, match=r"lifting\.prior\.0\.file .*must be priors/NAME\.h5") as caught:
        Params.load(root)
    assert f"not '{file}'" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        ([], r"lifting\.prior must be a list of at least 1, not \[\]"),
        ([{"file": "priors/a.h5", "subjects": []}], r"lifting\.prior\.0\.subjects must be a list of at least 1"),
        ([{"subjects": ["S1"]}, {"subjects": ["S7"]}], "this data set is in it twice"),
        ([{"file": "priors/a.h5"}, {"file": "priors/a.h5"}], r"priors/a\.h5 is in it twice"),
        ([{"path": "priors/a.h5"}], r"lifting\.prior\.0\.path is not a known key"),
    ],
)
def test_a_prior_names_somebody_and_each_data_set_once(root, prior, message):
    change(root / "data_sets/embedded.yaml", "lifting.prior", prior)
    with pytest.raises(InputError, match=message) as caught:
        Params.load(root)
    assert "\n" not in str(caught.value)


def test_a_velocity_weight_needs_outputs_to_compare(root):
    change(root / "params.yaml", "temporal.velocity_weight", 3)
    with pytest.raises(InputError, match="temporal run_outputs must be at least 2 for a velocity_weight") as caught:
        Params.load(root)
    assert "\n" not in str(caught.value)
    change(root / "params.yaml", "temporal.run_outputs", 2)
    Params.load(root)


def make_original(root):
    change(root / "params.yaml", "lifting.formulation", "original")
    change(root / "params.yaml", "repnet.reproj_weight", 10_000)
    change(root / "params.yaml", "temporal.reproj_weight", 100)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("repnet.reproj_weight", 0.05, "repnet.reproj_weight is the virtual camera's.* reproj_weight 10000"),
        ("temporal.reproj_weight", 0.05, "temporal.reproj_weight is the virtual camera's.* 100 for it"),
        ("lifting.paired", {"subjects": ["S1"], "frames_share": 0.1, "draws_share": 0.5}, "lifting.paired has no eff"),
        ("temporal.network", "gru", "temporal.network gru is not the original's"),
    ],
)
def test_the_original_refuses_what_is_not_its_own(root, key, value, message):
    make_original(root)
    change(root / "params.yaml", key, value)
    with pytest.raises(InputError, match=message) as caught:
        Params.load(root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "file", "other", "where"),
    [
        ("train_2d.lr", "sizes/smoke.yaml", "params.yaml", "data_sets/embedded.yaml or sizes/smoke.yaml"),
        ("lifting.limb_mix_prob", "params.yaml", "sizes/smoke.yaml", "params.yaml or data_sets/embedded.yaml"),
        ("evaluate.pck_threshold", "params.yaml", "data_sets/embedded.yaml", "params.yaml"),
    ],
)
def test_a_key_where_dvc_does_not_watch_it_is_named(root, monkeypatch, key, file, other, where):
    monkeypatch.chdir(root)
    load_and_check_files()
    content = yaml.safe_load(Path(file).read_text())
    block, name = key.split(".")
    change(root / other, key, content[block].pop(name))
    Path(file).write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=f"{other}: block '{block}' is not read from there; move its keys to {where}"):
        load_and_check_files()


@pytest.mark.parametrize("block", ["repnet", "temporal"])
def test_the_original_needs_its_critic(root, block):
    make_original(root)
    Params.load(root)
    change(root / "data_sets/embedded.yaml", f"{block}.critic_weight", 0)
    with pytest.raises(InputError, match=rf"{block}\.critic_weight is 0, but .* nothing else teaches depth") as caught:
        Params.load(root)
    assert "\n" not in str(caught.value)


PAIRED = {"subjects": ["S1"], "frames_share": 0.1, "draws_share": 0.5}


def test_paired_frames_are_of_training_subjects(root):
    assert Params.load(root).lifting.paired is None
    change(root / "params.yaml", "lifting.paired", PAIRED)
    assert Params.load(root).lifting.paired.model_dump() == PAIRED | {"subjects": ("S1",)}
    change(root / "params.yaml", "lifting.paired.subjects", ["S1", "S9"])
    with pytest.raises(
        InputError, match=r"lifting\.paired\.subjects must name subjects of dataset.subjects.train .*, not S9"
    ) as caught:
        Params.load(root)
    assert "\n" not in str(caught.value)


def test_joint_weights_are_of_known_joints_in_their_order(root):
    assert Params.load(root).lifting.joint_weights == [1.0] * 17
    change(root / "params.yaml", "lifting.reproj_joint_weights", {"Spine": 0, "Head": 0.1, "Neck/Nose": 0.1})
    assert Params.load(root).lifting.joint_weights == [1.0] * 7 + [0, 1.0, 0.1, 0.1] + [1.0] * 6
    change(root / "params.yaml", "lifting.reproj_joint_weights", {"Elbow": 1})
    with pytest.raises(InputError, match=r"lifting\.reproj_joint_weights .*there is no joint Elbow, only Hip, RHip"):
        Params.load(root)


@pytest.mark.parametrize(
    ("key", "value"),
    [("frames_share", 0), ("frames_share", 1.01), ("draws_share", 0), ("draws_share", 2), ("subjects", [])],
)
def test_paired_frames_that_are_none_or_more_than_all_are_named(root, key, value):
    change(root / "params.yaml", "lifting.paired", PAIRED | {key: value})
    with pytest.raises(InputError, match=rf"lifting\.paired\.{key}") as caught:
        Params.load(root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("block", ["repnet", "temporal"])
def test_an_unknown_critic_loss_is_named(root, block):
    change(root / "params.yaml", f"{block}.critic_loss", "hinge")
    with pytest.raises(InputError, match=rf"{block}\.critic_loss .*'wasserstein' or 'logistic'.* not 'hinge'"):
        Params.load(root)


def test_files_that_are_no_mappings(tmp_path):
    with pytest.raises(InputError, match="params.yaml is missing: run from the root"):
        Params.load(tmp_path)
    path = tmp_path / "params.yaml"
    for text, message in (("", "must hold keys"), ("- 1", "must hold keys"), ("a: [", "is not valid YAML")):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            Params.load(tmp_path)


def test_yaml_cannot_make_objects(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("a: !!python/object/apply:os.getcwd []")
    with pytest.raises(InputError, match="is not valid YAML"):
        read_yaml(path)


LAUGHS = "\n".join(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]" for i in range(30))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"a0: &a0 [lol]\n{LAUGHS}", "aliases are not read"),
        ("a: &a {b: 1}\nc:\n  <<: *a", "aliases are not read"),
        ("a: &a [*a]", "aliases are not read"),
        ("? [a, b]\n: 1", "not put together as it should be"),
        ("[" * 100_000, "nested too deeply"),
        ("a: " + "9" * 5000, "integer string conversion"),
        ("a: 2026-99-99", "month must be in 1..12"),
        ("a: !!binary é", "is not valid YAML"),
        ("a: " + "b" * 2**20, "larger than 1 MiB"),
        ("a: !!python/name:os.system", "not put together as it should be"),
        ("a: !!python/object/new:os.system [touch canary]", "not put together as it should be"),
        ("a: 1\n--- {b: 2}", "on line 2: a second document begins, where one is read: take --- out"),
        ("a:\n\tb: 1", "on line 2: a tab, where YAML wants spaces"),
        ("a:\n  b: 1\n  steps:1\n  c: 2", "on line 3: a key needs a colon and a space before its value"),
        ("a:\n  b: 1\n c: 2", "on line 3: it is indented otherwise than the lines above"),
        ("a: {b:\n  - S1\n  - S2}", "on line 2: a list with - stands inside brackets"),
        ("a: - 1", "on line 1: a list with - begins on a line of its own, below its key$"),
        ('a: "C:\\Users\\data"', "on line 1: in double quotes a backslash begins a sign: take single ones$"),
        ('a: "C:\\data"', "on line 1: in double quotes a backslash begins a sign: take single ones$"),
        ("a: 1\nb: *a", "on line 2: aliases are not read, write the value out$"),
        ("a: [1, 2\nb: 3", "on line 2: a bracket is not closed, or a comma is missing"),
        ("a: @mine", "on line 1: text that begins with such a sign needs quotes"),
        ("{a: 1, b: {c: 1, c: 2}}", "key 'c' is written twice"),
    ],
)
def test_yaml_that_is_more_than_keys_and_values(tmp_path, text, message):
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as raised:
        read_yaml(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value) and len(str(raised.value)) < 1000


@pytest.mark.parametrize(
    ("text", "read"), [("050", "40"), ("012_000", "5120"), ("1:30", "90"), ("1:30.5", "90.5"), ("-012", "-10")]
)
def test_numbers_to_other_bases_are_named(tmp_path, text, read):
    """5 x 8 + 0 = 40, and 1 x 60 + 30 = 90."""
    path = tmp_path / "data_set.yaml"
    path.write_text(f"dataset:\n  frame_rate_hz: {text}\n")
    said = rf"data_set\.yaml: {re.escape(text)} on line 2 would be read as {re.escape(read)}: write a number without"
    with pytest.raises(InputError, match=said):
        read_yaml(path)


def test_usual_numbers_and_names_in_quotes_are_read(tmp_path):
    path = tmp_path / "data_set.yaml"
    path.write_text("[0, 0.5, -1, 12_000, 0x10, 1.0e-3, .5, '01', 08, 0b11]".join(("a: ", "\n")))
    assert read_yaml(path) == {"a": [0, 0.5, -1, 12000, 16, 0.001, 0.5, "01", "08", 3]}


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "params.yaml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(InputError, match="params.yaml is not valid YAML: it is no text in UTF-8"):
        read_yaml(tmp_path / "params.yaml")


@pytest.mark.parametrize("name", ["../elsewhere", "/elsewhere", ["smoke"], None, "sizes/../smoke"])
@pytest.mark.parametrize("key", ["data", "size"])
def test_a_data_set_or_size_is_a_name_of_the_folders_own(root, key, name):
    (root / "elsewhere.yaml").write_text("dataset: {}")
    change(root / "params.yaml", key, name)
    with pytest.raises(InputError, match=rf"{key} '.*' is unknown; choose one of "):
        Params.load(root)


def test_a_file_that_ends_otherwise_is_told(root):
    (root / "sizes/smoke.yaml").rename(root / "sizes/smoke.yml")
    with pytest.raises(InputError, match=r"size 'smoke' is unknown; .*; rename \S+/sizes/smoke\.yml to smoke\.yaml$"):
        Params.load(root)


def test_a_pose_resnet_has_at_least_eight_stem_channels(root):
    network = {"kind": "pose_resnet", "backbone": "resnet18", "deconv_channels": [8], "left_right_weight": 0}
    change(root / "sizes/smoke.yaml", "train_2d.network", network | {"stem_channels": 7})
    with pytest.raises(InputError, match=r"smoke.yaml: train_2d.network.stem_channels must be 8 or more: .*memory"):
        Params.load(root)
    change(root / "sizes/smoke.yaml", "train_2d.network", network | {"stem_channels": 8})
    assert Params.load(root).train_2d.network.stem_channels == 8


def test_a_key_of_a_variant_is_named_as_it_stands_in_the_file(root):
    change(root / "sizes/smoke.yaml", "embedded.cameras", 9)
    with pytest.raises(InputError, match=r": embedded\.cameras must be at most \d, not 9"):
        Params.load(root)
    change(root / "sizes/smoke.yaml", "embedded.cameras", 2)
    change(root / "sizes/smoke.yaml", "train_2d.schedule.warmup", 2)
    with pytest.raises(InputError, match=r": train_2d\.schedule\.warmup must be (below|at most) 1(\.0)?, not 2"):
        Params.load(root)
    change(root / "sizes/smoke.yaml", "train_2d.schedule.warmup", 0.1)
    change(root / "data_sets/embedded.yaml", "dataset.fps", 25)
    with pytest.raises(InputError, match=r": dataset\.fps is not a known key"):
        Params.load(root)


@pytest.mark.parametrize("subject", ["S9", "S8", "S1", "Nobody"])
def test_whose_keypoints_are_read_is_not_skipped(root, subject):
    """A test and a validation subject, one who teaches the lifters, and nobody at all."""
    change(root / "data_sets/embedded.yaml", "infer_2d.skip_subjects", ["Stills", subject])
    with pytest.raises(InputError, match=rf"infer_2d\.skip_subjects names {subject}, but it may only name subjects of"):
        Params.load(root)


def test_each_source_has_keys_of_its_own(root):
    subjects = yaml.safe_load((root / "data_sets/embedded.yaml").read_text())["dataset"]["subjects"]
    dataset = {"source": "videopose3d", "subjects": subjects, "folder": None, "actions": None, "frame_step": 2}
    dataset |= {"positions": "a.npz", "keypoints": "b.npz", "frame_rate_hz": 50, "keypoints_only": []}
    change(root / "data_sets/embedded.yaml", "dataset", dataset)
    with pytest.raises(InputError, match=r": dataset\.calibration is missing"):
        Params.load(root)
    change(root / "data_sets/embedded.yaml", "dataset.calibration", None)
    loaded = Params.load(root).dataset
    assert isinstance(loaded, VideoPose3DParams)
    assert loaded.subjects.by_split == {split: list(names) for split, names in subjects.items()}
    change(root / "data_sets/embedded.yaml", "dataset.keypoints_only", [*subjects["train"][:1], *subjects["test"][:1]])
    with pytest.raises(InputError, match=r": dataset\.keypoints_only .*S9 is no subject of dataset.subjects.train"):
        Params.load(root)
    change(root / "data_sets/embedded.yaml", "dataset.keypoints_only", subjects["train"][:1])
    assert Params.load(root).dataset.subjects_with_3d == loaded.subjects.all[1:]
    change(root / "data_sets/embedded.yaml", "dataset.source", "imagenet")
    with pytest.raises(InputError, match=r"embedded.yaml: dataset.source is 'imagenet'; choose one of 'embedded'"):
        Params.load(root)


@pytest.mark.parametrize(
    ("path", "line", "written", "said"),
    [
        ("data_sets/embedded.yaml", "source:", "sorce:", "dataset.source is missing; correct the spelling of sorce"),
        ("data_sets/embedded.yaml", "source:", "Source:", "dataset.source is missing; correct the spelling of Source"),
        ("data_sets/embedded.yaml", "source:", "from:", "dataset.source is missing; add it"),
        ("data_sets/embedded.yaml", "source: embedded", "source: embeded", "dataset.source is 'embeded'; choose one"),
        ("data_sets/embedded.yaml", "source: embedded", "source:", "dataset.source is null; choose one of 'embedded'"),
        ("data_sets/embedded.yaml", "source: embedded", "source: [a]", "dataset.source is [a]; choose one of 'embedd"),
        ("params.yaml", "\nsize:", "\nsise:", "size is missing; correct the spelling of sise"),
        ("params.yaml", "\ndata:", "\nData:", "data is missing; correct the spelling of Data"),
    ],
)
def test_a_misspelt_key_that_decides_what_others_there_are_is_named(root, path, line, written, said):
    text = (root / path).read_text()
    assert text.count(line) >= 1
    (root / path).write_text(text.replace(line, written, 1))
    with pytest.raises(InputError, match=re.escape(f"{root / path}: {said}")):
        Params.load(root)


def test_a_stage_reads_its_blocks_and_no_other(root):
    class Params(StageParams):
        crop_resize: CropResizeParams

    change(root / "params.yaml", "repnet.learning_rat", 1)
    assert set(Params.load(root).model_dump()) == {"crop_resize"}
    change(root / "params.yaml", "crop_resize.margin", "wide")
    with pytest.raises(InputError, match=r"crop_resize\.margin .* not 'wide'"):
        Params.load(root)


@pytest.mark.parametrize("splits", [{"test": ["S9", "S5"]}, {"validation": ["S8", "S8"]}, {"test": []}, {"train": []}])
def test_each_subject_belongs_to_one_split_and_two_splits_need_somebody(root, splits):
    for split, names in splits.items():
        change(root / "data_sets/embedded.yaml", f"dataset.subjects.{split}", names)
    with pytest.raises(InputError, match=r": dataset\.subjects") as caught:
        Params.load(root)
    assert "\n" not in str(caught.value)


INIT_BLOCKS = ["train_2d", "repnet", "temporal"]


@pytest.mark.parametrize("block", INIT_BLOCKS)
def test_weights_to_start_from_must_be_there(root, monkeypatch, block):
    monkeypatch.chdir(root)
    assert getattr(load_and_check_files(), block).init is None
    name = f"pretrained/{block}/start.pth.tar"
    change(root / "sizes/smoke.yaml", f"{block}.init", name)
    with pytest.raises(InputError, match=rf"{block}\.init names {name}, which is missing"):
        load_and_check_files()
    (root / name).mkdir(parents=True)
    with pytest.raises(InputError, match=rf"{block}\.init names {name}, which is a folder"):
        load_and_check_files()
    (root / name).rmdir()
    (root / name).touch()
    assert getattr(load_and_check_files(), block).init == name


@pytest.mark.parametrize("block", INIT_BLOCKS)
@pytest.mark.parametrize(
    "file", ["data/models/a.pt", "/pretrained/BLOCK/a.pt", "pretrained/a.pt", "pretrained/BLOCK/../a.pt"]
)
def test_weights_to_start_from_stand_where_dvc_watches(root, block, file):
    file = file.replace("BLOCK", block)
    change(root / "sizes/smoke.yaml", f"{block}.init", file)
    with pytest.raises(
        InputError, match=rf"{block}\.init .*copy the file to pretrained/{block}/ .*, not '{file}'"
    ) as caught:
        Params.load(root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("block", INIT_BLOCKS)
def test_the_folders_of_weights_to_start_from_are_there_and_committed(block):
    folder = f"pretrained/{block}"
    kept = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert kept.split() == [f"{folder}/.gitignore"]
    ignored = ["git", "check-ignore", "-q", f"{folder}/a.pth.tar"]
    assert subprocess.run(ignored, cwd=ROOT, check=False).returncode == 0
    ignored[-1] += ".dvc"
    assert subprocess.run(ignored, cwd=ROOT, check=False).returncode == 1


def test_the_priors_files_must_be_there(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    prior = [{"subjects": ["S7"]}, {"file": "priors/other.h5", "subjects": ["S9"]}]
    change(root / "data_sets/embedded.yaml", "lifting.prior", prior)
    with pytest.raises(InputError, match=r"lifting\.prior names priors/other\.h5, which is missing"):
        load_and_check_files()
    (root / "priors").mkdir()
    (root / "priors/other.h5").touch()
    assert load_and_check_files().lifting.prior_files == ["priors/other.h5"]
    assert capsys.readouterr().err == ""


def test_who_is_in_the_prior_and_in_the_2d_is_said(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    change(root / "data_sets/embedded.yaml", "lifting.keypoints_subjects", ["S1", "S5", "S6"])
    for subjects, both in ((["S7"], None), (["S6", "S7", "S1"], "S1, S6")):
        change(root / "data_sets/embedded.yaml", "lifting.prior", [{"subjects": subjects}])
        load_and_check_files()
        said = capsys.readouterr().err
        if both is None:
            assert said == ""
        else:
            assert said.startswith(f"lifting.prior and lifting.keypoints_subjects both name {both}: nothing is paired")


def test_large_files_that_experiments_of_the_queue_would_lack_are_said(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", "data_sets", "sizes"], check=True)
    files = ["pretrained/repnet/start.pt", "priors/other.h5"]
    for file in files:
        (root / file).parent.mkdir(parents=True)
        (root / file).touch()
    change(root / "sizes/smoke.yaml", "repnet.init", files[0])
    change(root / "data_sets/embedded.yaml", "lifting.prior", [{"file": files[1], "subjects": ["S9"]}])
    load_and_check_files()
    said = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in said] == files and all("`dvc add " in line for line in said)
