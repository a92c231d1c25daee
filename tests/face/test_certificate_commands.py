"""``flowcert certify`` and ``flowcert certificate``: what they print and how they end."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from flowcert import cli
from flowcert.theory.certificate import Certificate, check_certificate

NETWORK = """
import torch
from torch import nn

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))

    def forward(self, x):
        return self.body(x)

def small():
    return Small()

def turned():
    return nn.Linear(2, 2, bias=False)

def double():
    return Small().double()

class holder:
    made = staticmethod(small)

def nothing():
    return None

def needs(size):
    return nn.Linear(size, size)

def trained():
    return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))

number = 7
"""
W1 = [[1.0, 2.0], [0.5, -1.0], [0.25, 0.0]]
W2 = [[1.0, -0.5, 0.25], [0.0, 1.0, 1.0]]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a user's network and the weights of it."""
    monkeypatch.chdir(tmp_path)
    name = f"network_{tmp_path.name.replace('-', '_')}"  # modules are imported once a process
    (tmp_path / f"{name}.py").write_text(NETWORK)
    (tmp_path / "broken.py").write_text("import a_module_that_is_not_there")
    state = {
        "body.0.weight": torch.tensor(W1),
        "body.0.bias": torch.tensor([0.1, 0.2, -0.3]),
        "body.2.weight": torch.tensor(W2),
        "body.2.bias": torch.zeros(2),
    }
    torch.save(state, "small.pt")
    torch.save({"weight": torch.tensor([[0.6, -0.8], [0.8, 0.6]])}, "turned.pt")
    torch.save({"weight": torch.eye(2) / 2}, "half.pt")
    torch.save({key: value.double() / 3 for key, value in state.items()}, "thirds.pt")
    return name


@pytest.fixture
def flowcert(monkeypatch, capsys):
    """Run a command in this process: exit code, output, errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["flowcert", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        return end.value.code or 0, said.out, said.err

    return run


def certify(flowcert, architecture, weights="small.pt", *more):
    given = ("--architecture", architecture, "--weights", weights, "--input", "2")
    return flowcert("certify", *given, "--effort", "quick", *more)


def bracket(said):
    [line] = [line for line in said.splitlines() if line.startswith("Lipschitz constant in")]
    return tuple(map(float, line[line.index("[") + 1 : line.index("]")].split(",")))


def exact_norm():
    """Over the eight patterns of the three ReLUs, all of which the plane meets or encloses."""
    patterns = np.array(np.meshgrid(*[[0.0, 1.0]] * 3)).reshape(3, -1).T
    return max(np.linalg.norm(np.array(W2) @ np.diag(p) @ np.array(W1), 2) for p in patterns)


def test_a_network_is_bracketed_saved_checked_and_shown(flowcert, here, tmp_path):
    code, said, _ = certify(flowcert, f"{here}:small", "small.pt", "--save", "out")
    assert code == 0
    lower, upper = bracket(said)
    assert lower <= upper
    assert upper >= 0.999 * np.linalg.norm(np.array(W2)[:, :2] @ np.array(W1)[:2], 2)
    assert lower <= exact_norm()
    assert "everywhere" in said
    assert "body.0 (Linear)" in said
    assert "dense" in said
    assert "1-Lipschitz as claimed: refuted: two inputs at distance" in said
    certificate = Certificate.load(tmp_path / "out")
    assert (certificate.lower, certificate.upper) == (lower, upper)

    for arguments in (["out"], ["out/certificate.json"]):
        code, said, _ = flowcert("certificate", "check", *arguments)
        assert code == 0
        assert said.count("holds  ") == 3
        assert said.rstrip().endswith("the certificate holds")
        assert certificate.assumptions[0] in said
    code, said, _ = flowcert("certificate", "show", "out")
    assert code == 0
    assert bracket(said) == (lower, upper)
    assert certificate.weights_sha256 in said
    assert certificate.trusted in said


def test_a_false_certificate_is_told_and_fails(flowcert, here, tmp_path):
    certify(flowcert, f"{here}:small", "small.pt", "--save", "out")
    file = tmp_path / "out" / "certificate.json"
    content = json.loads(file.read_text())
    content["lower"] = content["upper"]
    file.write_text(json.dumps(content))
    code, said, _ = flowcert("certificate", "check", "out")
    assert code == 1
    assert "FAILS  lower end" in said
    assert said.rstrip().endswith("the certificate does not hold")
    code, said, _ = flowcert("certificate", "check", file, "--weights", "small.safetensors")
    assert code == 2


def test_what_is_claimed_is_judged(flowcert, here):
    def judged(weights, *more):
        code, said, _ = certify(flowcert, f"{here}:turned", weights, *more)
        assert code == 0
        [line] = [line for line in said.splitlines() if "as claimed" in line]
        return line

    assert judged("half.pt") == "1-Lipschitz as claimed: proved"
    assert judged("half.pt", "--claimed", "0.25").startswith("0.25-Lipschitz as claimed: refuted")
    # In float32 0.6² + 0.8² is a little more than 1.
    assert judged("turned.pt").startswith("1-Lipschitz as claimed: refuted")
    assert judged("turned.pt", "--claimed", "1.001") == "1.001-Lipschitz as claimed: proved"
    _, said, _ = certify(flowcert, f"{here}:turned", "turned.pt")
    between = sum(bracket(said)) / 2
    assert judged("turned.pt", "--claimed", repr(between)).endswith("as claimed: undecided")


def test_the_normalisation_of_pixels_counts(flowcert, here):
    _, said, _ = certify(
        flowcert, f"{here}:turned", "half.pt", "--std", "0.25,0.5", "--mean", "0.1"
    )
    lower, upper = bracket(said)
    assert lower <= 2.0 <= upper <= 2.0001
    assert lower > 1.99
    assert "pixel scale" in said
    _, said, _ = certify(flowcert, f"{here}:turned", "half.pt", "--domain", "0,1")
    assert "on [0.0, 1.0]" in said


def test_safetensors_and_dotted_factories(flowcert, here):
    from safetensors.torch import save_file

    save_file(torch.load("small.pt", weights_only=True), "small.safetensors")
    first = certify(flowcert, f"{here}:small")
    assert first == certify(flowcert, f"{here}:holder.made", "small.safetensors")


def test_double_weights_are_not_rounded(flowcert, here):
    code, _, error = certify(flowcert, f"{here}:small", "thirds.pt")
    assert code == 2
    assert "float64, which torch.float32 would round" in error
    code, said, _ = certify(flowcert, f"{here}:double", "thirds.pt", "--save", "out")
    assert code == 0
    held = Certificate.load("out").weights
    assert any(np.array_equal(array, np.array(W1) / 3) for array in held.values())
    assert check_certificate("out").holds
    assert math.isfinite(bracket(said)[1])


def _with(path, **changes):
    state = torch.load("small.pt", weights_only=True)
    for key, value in changes.items():
        key = key.replace("_", ".", 2)
        if value is None:
            del state[key]
        else:
            state[key] = value
    torch.save(state, path)


@pytest.mark.parametrize(
    ("architecture", "weights", "error", "told"),
    [
        ("nowhere:small", "small.pt", "StructureError", "No module named 'nowhere'"),
        ("broken:small", "small.pt", "StructureError", "a_module_that_is_not_there"),
        ("{here}:large", "small.pt", "StructureError", "no 'large' in it"),
        ("{here}", "small.pt", "StructureError", "no module and factory"),
        (":small", "small.pt", "StructureError", "no module and factory"),
        ("{here}:number", "small.pt", "StructureError", "a int, which cannot be called"),
        ("{here}:nothing", "small.pt", "StructureError", "a NoneType comes out"),
        ("{here}:needs", "small.pt", "StructureError", "needs() missing 1 required"),
        ("published:mine", "small.pt", "UnknownNameError", "published:switching-flexible"),
        ("published:switching-flexible", "small.pt", "DataError", "without 'FC.1.bias'"),
        ("{here}:small", "missing.pt", "DataError", "no such file"),
        ("{here}:small", "missing.safetensors", "DataError", "missing.safetensors"),
        ("{here}:small", "code.pt", "DataError", "code.pt"),
        ("{here}:small", "cut.pt", "DataError", "cut.pt"),
        ("{here}:small", "cut.safetensors", "DataError", "cut.safetensors"),
        ("{here}:small", "fewer.pt", "DataError", "without 'body.2.bias'"),
        ("{here}:small", "more.pt", "DataError", "with 'body.4.weight'"),
        ("{here}:small", "shape.pt", "DataError", "size mismatch for body.0.weight"),
        ("{here}:small", "nan.pt", "DomainError", "body.0.bias"),
    ],
)
def test_misuse_of_a_factory_is_one_clear_error(
    flowcert, here, tmp_path, architecture, weights, error, told
):
    torch.save(nn.Linear(2, 2), "code.pt")  # a whole module: a pickle that would run code
    whole = (tmp_path / "small.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "cut.safetensors").write_bytes(b"\x40\0\0\0\0\0\0\0{")
    _with("fewer.pt", body_2_bias=None)
    _with("more.pt", body_4_weight=torch.zeros(1))
    _with("shape.pt", body_0_weight=torch.zeros(3, 5))
    _with("nan.pt", body_0_bias=torch.tensor([0.0, math.nan, 0.0]))
    code, _, said = certify(flowcert, architecture.format(here=here), weights)
    assert code == 2
    assert said.startswith(f"{error}: got ")
    assert told in said
    assert "expected" in said


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--input", "2,x"], "DomainError"),
        (["--input", "2.5"], "DomainError"),
        (["--input", "0"], "DomainError"),
        (["--input", "3"], "ShapeError"),
        (["--std", "0.5,0"], "DomainError"),
        (["--std", "1,1,1"], "ShapeError"),
        (["--mean", "one"], "DomainError"),
        (["--domain", "0"], "DomainError"),
        (["--domain", "1,0"], "DomainError"),
        (["--claimed", "0"], "DomainError"),
        (["--claimed", "nan"], "DomainError"),
        (["--effort", "heroic"], "UnknownNameError"),
        (["--save", "small.pt/out"], "OutputError"),
    ],
)
def test_misuse_of_options_is_one_clear_error(flowcert, here, arguments, error):
    code, _, said = certify(flowcert, f"{here}:small", "small.pt", *arguments)
    assert code == 2
    assert said.startswith(f"{error}: got ")


def test_a_network_with_batch_norm_is_taken_in_evaluation_mode(flowcert, here):
    torch.manual_seed(0)
    torch.save(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).state_dict(), "norm.pt")
    code, said, _ = certify(flowcert, f"{here}:trained", "norm.pt")
    assert code == 0
    assert "batch_norm" in said


def test_published_steps_outside_their_region_are_named(flowcert, here, monkeypatch):
    """The whole of a published network takes minutes: here the bracket is replaced."""
    import importlib

    from flowcert.networks.published_networks import PublishedNetwork

    package = importlib.import_module("flowcert.networks.certify")
    network = PublishedNetwork("switching-flexible")
    with torch.no_grad():
        for block in network.seq:
            block.u.copy_(torch.tensor([1.0, 0.5, 0.3, 0.01]))
    torch.save(network.state_dict(), "flexible.pt")
    certificate = package.certify(nn.Linear(2, 2).eval(), (2,), effort="quick")
    asked = {}

    def certified(module, shape, **options):
        asked.update(options, module=module, shape=shape)
        return certificate

    monkeypatch.setattr(package, "certify", certified)
    given = ("--architecture", "published:switching-flexible", "--weights", "flexible.pt")
    code, said, _ = flowcert("certify", *given, "--input", "3,32,32", "--std", "0.2,0.3,0.4")
    assert code == 0
    assert isinstance(asked["module"], PublishedNetwork)
    assert asked["shape"] == (3, 32, 32)
    assert asked["pixel_scale"] == (0.2, 0.3, 0.4)
    assert "3 of 6 learned steps outside a region:" in said
    assert said.count("pair 0: inside the sharp region, outside the box") == 3


@pytest.mark.parametrize("command", ["check", "show"])
@pytest.mark.parametrize("content", [None, "", "{}", "[1", '{"format": "other"}', "PK"])
def test_a_file_that_is_no_certificate_is_misuse(flowcert, tmp_path, command, content):
    file = tmp_path / "certificate.json"
    if content is not None:
        file.write_text(content)
    code, _, said = flowcert("certificate", command, file)
    assert code == 2
    assert said.startswith("DataError: got ")


def test_check_loads_no_torch(flowcert, here, tmp_path):
    certify(flowcert, f"{here}:small", "small.pt", "--save", "out")
    code = (
        "import sys; from flowcert.cli import main; sys.argv = ['flowcert', 'certificate', 'check',"
        " 'out']\ntry: main()\nexcept SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "the certificate holds" in run.stdout
