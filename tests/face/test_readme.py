"""What the README and CONTRIBUTING show works as shown."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("block", [block for block in BLOCKS if "StepRegion" in block])
def test_the_five_lines_print_what_their_comments_say(block):
    scope: dict[str, object] = {}
    shown = 0
    for line in block.splitlines():
        code, _, comment = line.partition("#")
        if not comment:
            exec(code, scope)
            continue
        value = eval(code, scope)
        promised = re.match(r"[\w.]+", comment.strip())[0]
        assert promised in (str(value), f"{float(value):.4g}")
        shown += 1
    assert shown == 4


def test_every_python_block_is_valid_and_the_bounds_run(tmp_path, monkeypatch):
    from flowcert import DomainError

    monkeypatch.chdir(tmp_path)  # a certificate is saved
    scope = {"my_bound": lambda layer: float("inf")}
    for block in BLOCKS:
        for line in block.splitlines():
            if "DomainError" in line:
                with pytest.raises(DomainError):
                    exec(line, scope)
        exec("\n".join(line for line in block.splitlines() if "DomainError" not in line), scope)
    scope["test_my_bound"]()
    assert (tmp_path / "my-certificate" / "certificate.json").exists()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_and_pictures_resolve(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    local = [target for target in targets if "://" not in target]
    assert local or page == "CONTRIBUTING.md"
    for target in local:
        assert (ROOT / target).exists(), target


def test_the_number_of_claims_is_the_true_one():
    from flowcert.theory import all_claims

    assert f"all {len(all_claims())} claims" in README
    assert f"proves {len(all_claims())} claims" in (ROOT / "CHANGELOG.md").read_text(
        encoding="utf-8"
    )


def test_the_claim_of_the_contributing_guide_holds(tmp_path):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)[0]
    (tmp_path / "mine.py").write_text(example, encoding="utf-8")
    command = ["-m", "flowcert", "check", "--load", str(tmp_path / "mine.py"), "--only", "D9"]
    run = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
