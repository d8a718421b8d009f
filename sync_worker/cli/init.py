"""`sync-worker init`: a commented `config.yaml` and `.env.example`, from options or questions; never the secret."""

from __future__ import annotations

import json
import re
import string
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.errors import ConfigurationError

_VARIABLE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)(?::-([^${}\s]*))?\}")
_PLAIN = re.compile(r"(?:[A-Za-z/]|\./|\$\{)[\w./:${}-]*|\d+(?:\.\d+){3}", re.ASCII)
_IGNORED = ".env\n/data/\n/secrets/\n"


class Answers(NamedTuple):
    """The values that differ between companies; each may be a `${VARIABLE}`."""

    environment: str = "production"
    login_url: str = "${PROCORE_LOGIN_URL}"
    api_url: str = "${PROCORE_API_URL}"
    client_id: str = "${PROCORE_CLIENT_ID}"
    company_id: str = "${PROCORE_COMPANY_ID}"
    timezone: str = "UTC"
    data_dir: str = "./data"
    host: str = "127.0.0.1"


class _Value(click.ParamType[str]):
    """A value of the configuration, or a variable that will hold it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from pydantic import ConfigDict, TypeAdapter, ValidationError

        from sync_worker.settings import Settings
        from sync_worker.settings.explain import explain

        if _VARIABLE.fullmatch(value):
            return value
        try:
            TypeAdapter(_types()[self.name], config=ConfigDict(strict=True)).validate_python(value)
        except ValidationError as error:
            self.fail(explain(error.errors(include_url=False)[0], Settings), param, ctx)
        return value


def _types() -> Mapping[str, Any]:
    from sync_worker.settings import ProcoreSettings
    from sync_worker.settings.values import ApiUrl, ClientId, Id, Text, TimeZone

    environment = ProcoreSettings.model_fields["environment"].annotation
    return {"environment": environment, "id": Id, "client": ClientId, "url": ApiUrl, "text": Text, "zone": TimeZone}


_ENVIRONMENT, _ID, _CLIENT, _URL, _TEXT, _TIME_ZONE = map(
    _Value, ("environment", "id", "client", "url", "text", "zone")
)

_QUESTIONS: Mapping[str, tuple[str, click.ParamType[str]]] = {
    "environment": ("Procore environment (sandbox, federal, …)", _ENVIRONMENT),
    "company_id": ("Company id, or the variable that will hold it", _ID),
    "client_id": ("Client id of the service account, or the variable that will hold it", _CLIENT),
    "timezone": ("Time zone of the schedules, such as America/Chicago", _TIME_ZONE),
}


@click.command()
@click.option(
    "--dir",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    show_default=".",
    help="Folder to write to.",
)
@click.option(
    "--environment", metavar="NAME", type=_ENVIRONMENT, help="production, sandbox, monthly_sandbox, federal or custom."
)
@click.option("--login-url", metavar="URL", type=_URL, help="Login address, for environment custom.")
@click.option("--api-url", metavar="URL", type=_URL, help="API address, for environment custom.")
@click.option("--client-id", metavar="ID", type=_CLIENT, help="Client id of the service account.")
@click.option("--company-id", metavar="ID", type=_ID, help="Id of the company to read.")
@click.option("--timezone", metavar="ZONE", type=_TIME_ZONE, show_default="UTC", help="Time zone of the schedules.")
@click.option("--data-dir", metavar="DIR", type=_TEXT, show_default="./data", help="Folder for the data.")
@click.option(
    "--host", metavar="ADDRESS", type=_TEXT, show_default="127.0.0.1", help="Address that the daemon listens on."
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@pass_cli
def command(cli: CliContext, /, folder: Path | None, *, force: bool, **given: str | None) -> None:
    """Write a commented config.yaml and .env.example.

    On a terminal it asks for the main values that are not given; the secret is neither asked for nor written. A value
    may be a variable, such as '${PROCORE_COMPANY_ID}'.
    """
    config = cli.config_path if folder is None else folder / cli.config_path.name
    example = config.with_name(".env.example")
    if not force:
        _refuse_to_overwrite(config, example)
    known = {name: value for name, value in given.items() if value is not None}
    answers = Answers(**(_asked(known) if sys.stdin.isatty() else known))
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(configuration(answers), "utf-8")
    example.write_text(environment_example(answers), "utf-8")
    written = [config, example, *_ignoring(config.with_name(".gitignore"))]
    if cli.json:
        print(json.dumps({"written": [str(path) for path in written]}))
        return
    print(f"written: {', '.join(map(str, written))}")
    print(f"next: copy {example} to .env (install -m 600) and fill it in, then `sync-worker -c {config} config check`")


def configuration(answers: Answers) -> str:
    """Return the text of `config.yaml` with every key; optional ones are comments."""
    scalars = {name: _scalar(value) for name, value in answers._asdict().items()}
    return _filled(
        "config.template",
        **scalars | {"company_id": json.dumps(answers.company_id)},
        database=_scalar(f"{answers.data_dir}/procore.db"),
        jobs="\n".join(_jobs(answers.timezone)),
    )


def environment_example(answers: Answers) -> str:
    """Return the text of `.env.example`: first the variables that `config.yaml` needs, then the optional ones."""
    used = answers if answers.environment == "custom" else answers._replace(login_url="", api_url="")
    asked = [match for value in used for match in _VARIABLE.finditer(value)]
    lines = [f"{name}=" if default is None else f"#{name}={default}" for name, default in map(re.Match.groups, asked)]
    return _filled("env.template", asked="\n".join(lines))


def _asked(known: Mapping[str, str]) -> dict[str, str]:
    """Add the answers to the questions that `known` leaves open."""
    answers = dict(known)
    for name, (question, type_) in _QUESTIONS.items():
        if name not in answers:
            default = Answers._field_defaults[name]
            answers[name] = click.prompt(question, default=default, type=type_, err=True)
    return answers


def _refuse_to_overwrite(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            raise ConfigurationError(f"{path} exists; --force overwrites it, --dir names another folder")


def _ignoring(path: Path) -> Iterator[Path]:
    """Write a `.gitignore` for secrets and data, unless there is one."""
    if not path.exists():
        path.write_text(_IGNORED, "utf-8")
        yield path


def _jobs(timezone: str) -> Iterator[str]:
    """Return the lines of the shipped jobs; for UTC, which they have anyway, they are comments."""
    from sync_worker.job import all_jobs, shipped_folder

    mark = "# " if timezone == "UTC" else ""
    yield f"{mark}jobs:".ljust(31) + "# only what differs is needed; enabled: false leaves a job out"
    for name, job in all_jobs(shipped_folder()).items():
        yield f'{mark}  {name}: {{schedule: "{job.schedule}", timezone: {_scalar(timezone)}, enabled: true}}'


def _scalar(text: str) -> str:
    """Return `text` as YAML, in quotes only where it needs them."""
    import yaml

    return text if _PLAIN.fullmatch(text) and yaml.safe_load(text) == text else json.dumps(text)


class _Template(string.Template):
    delimiter = "%"


def _filled(name: str, **values: str) -> str:
    return _Template(Path(__file__).with_name(name).read_text("utf-8")).substitute(values)
