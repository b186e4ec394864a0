"""Images: the same content has the same hash; a failing step is named with its last lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from altis_local.clients.builder import BuildLog, ImageOptions, bake_definition, tags_of
from altis_local.clients.compose_model import Build
from altis_local.clients.content_hash import TreeHashes
from altis_local.errors import UsageError


@pytest.fixture
def options(tmp_path: Path) -> ImageOptions:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "base-image").write_text("recipe")
    return ImageOptions(scripts, tmp_path / "cache")


@pytest.fixture
def build(tmp_path: Path) -> Build:
    context = tmp_path / "db"
    (context / "conf").mkdir(parents=True)
    (context / "Dockerfile").write_text("FROM base")
    (context / "conf" / "my.cnf").write_text("a = 1")
    return Build("db", context, context / "Dockerfile", {"BASE": "b"}, {})


def test_hash_follows_content_not_times(build: Build, options: ImageOptions) -> None:
    """Written again with the same content, under another umask: the same image. Any other content or name: another."""
    first = tags_of({"db": build}, options)
    conf = build.context / "conf" / "my.cnf"
    conf.write_text("a = 1")
    (build.context / "__pycache__").mkdir()
    (build.context / "__pycache__" / "x.pyc").write_text("left out")
    conf.chmod(0o664)
    (build.context / "Dockerfile").chmod(0o600)
    assert tags_of({"db": build}, options) == first
    seen = {first["db"]}
    for change in (
        lambda: conf.write_text("a = 22"),
        lambda: conf.chmod(0o755),
        lambda: conf.rename(conf.with_suffix(".ini")),
        lambda: (options.scripts / "base-image").write_text("other recipe"),
    ):
        change()
        seen.add(tags_of({"db": build}, options)["db"])
    assert len(seen) == 5
    assert all(tag.startswith("altis-local/db:") and len(tag) == 15 + 12 for tag in seen)


def test_project_and_overrides(build: Build, options: ImageOptions, tmp_path: Path) -> None:
    """The site's folder counts towards the image; an override is taken as it is."""
    project = tmp_path / "site"
    project.mkdir()
    web = Build("web", build.context, build.dockerfile, {}, {"project": "/nowhere"})
    mine = ImageOptions(options.scripts, options.cache, project, {"db": "mine:1"})
    before = tags_of({"web": web, "db": build}, mine)
    assert before["db"] == "mine:1"
    (project / "index.php").write_text("<?php")
    assert tags_of({"web": web}, mine)["web"] != before["web"]
    with pytest.raises(UsageError, match="nowhere"):
        tags_of({"web": web}, options)


def test_unchanged_trees_are_not_read_again(tmp_path: Path) -> None:
    """The signature alone answers: the content is wrong on purpose to show it."""
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "file").write_text("x")
    first = TreeHashes(tmp_path)
    digest = first.of(folder)
    first.save()
    kept = (tmp_path / "trees.json").read_text()
    (tmp_path / "trees.json").write_text(kept.replace(digest, "remembered"))
    assert TreeHashes(tmp_path).of(folder) == "remembered"


def test_dockerignore_that_takes_in_again(tmp_path: Path) -> None:
    """Everything out but one folder, as this repository's own file has it."""
    (tmp_path / ".dockerignore").write_text("*\n!package\n**/*.tmp\n")
    for folder in ("package/deep", "other"):
        (tmp_path / folder).mkdir(parents=True)
    seen = [TreeHashes(tmp_path / "none").of(tmp_path)]
    for name in ("other/file", "file", "package/deep/x.tmp", "package/deep/x.py"):
        (tmp_path / name).write_text("x")
        seen.append(TreeHashes(tmp_path / "none").of(tmp_path))
    assert seen[0] == seen[1] == seen[2] == seen[3] != seen[4]


def test_dockerignore_counts(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("# comment\nuploads\n**/*.log\n!keep.log\n")
    (tmp_path / "uploads").mkdir()
    (tmp_path / "deep").mkdir()
    before = TreeHashes(tmp_path / "none").of(tmp_path)
    (tmp_path / "uploads" / "a.jpg").write_text("x")
    (tmp_path / "deep" / "a.log").write_text("x")
    assert TreeHashes(tmp_path / "none").of(tmp_path) == before
    (tmp_path / "keep.log").write_text("x")
    assert TreeHashes(tmp_path / "none").of(tmp_path) != before


def test_bake_definition(build: Build) -> None:
    folders = {"db": {"PROJECT": "altis-local/context-project:1"}}
    definition = bake_definition({"db": build}, {"db": "altis-local/db:1"}, folders, Path("/ca.pem"))
    target = definition["target"]["db"]  # type: ignore[index]
    assert target["tags"] == ["altis-local/db:1"]
    assert target["secret"] == ["id=ca,src=/ca.pem"]
    assert target["args"] == {"BASE": "b", "PROJECT": "altis-local/context-project:1"}
    assert definition["group"] == {"default": {"targets": ["db"]}}


FAILED = """\
#1 [cdn internal] load build definition from Dockerfile
#1 DONE 0.0s
#5 [cdn 2/3] RUN install
#5 0.210 looking for nginx
#6 [redis 2/2] RUN echo one
#5 0.215 E: no package nginx
#5 ERROR: process "/bin/sh -c install" did not complete successfully: exit code: 100
#6 CANCELED
------
 > [cdn 2/3] RUN install:
ERROR: target cdn: failed to solve: process "/bin/sh -c install" did not complete
"""


def test_failing_step_is_named() -> None:
    steps: list[str] = []
    log = BuildLog(steps.append)
    for line in FAILED.splitlines():
        log.take(line)
    error = log.failure(1)
    assert steps == ["[cdn 2/3] RUN install", "[redis 2/2] RUN echo one"]
    assert str(error) == "image cdn did not build: [cdn 2/3] RUN install failed"
    assert error.log == ("looking for nginx", "E: no package nginx")


def test_the_only_image_is_named_and_mounts_are_not() -> None:
    log = BuildLog(lambda _: None, "web")
    log.take(
        "#9 [build 3/3] RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=secret,id=ca build-it"
    )
    log.take('#9 ERROR: process "/bin/sh -c build-it" did not complete successfully: exit code: 127')
    assert str(log.failure(1)) == "image web did not build: [build 3/3] RUN build-it failed"


def test_failure_without_a_step_shows_everything() -> None:
    log = BuildLog(lambda _: None)
    log.take("ERROR: no builder")
    assert log.failure(1).log == ("ERROR: no builder",)


def test_a_dockerfile_may_have_an_ignore_file_of_its_own(build: Build, options: ImageOptions) -> None:
    """As the builder reads it: that one and not the folder's."""
    (build.context / ".dockerignore").write_text("conf\n")
    own = build.context / "Dockerfile.dockerignore"
    own.write_text("other\n")

    def changed(name: str) -> bool:
        before = tags_of({"db": build}, options)
        (build.context / name / "more").write_text(before["db"])
        return tags_of({"db": build}, options) != before

    (build.context / "other").mkdir()
    assert (changed("conf"), changed("other")) == (True, False)
    own.unlink()
    assert (changed("conf"), changed("other")) == (False, True)
