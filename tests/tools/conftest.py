"""Commands as they are called."""

import pytest

from csgaussian_ns.tools import cli


@pytest.fixture
def csg(capsys: pytest.CaptureFixture[str]):
    """Runs ``csg``; returns the exit code, the output and the errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run
