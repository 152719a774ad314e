"""Keylime's own reading (keylime 7.14.3) of the configuration trees it is given: a question a line in, values a line out."""

import json
import logging
import os
import sys

logging.disable(logging.CRITICAL)

from keylime import config, web_util  # noqa: E402

FILES = {name: list(paths) for name, paths in config.CONFIG_FILES.items()}
SNIPPETS = {name: list(paths) for name, paths in config.CONFIG_SNIPPETS_DIRS.items()}


def start(root, environment):
    """What the module's import does, below another root and with another environment."""
    for name in [name for name in os.environ if name.startswith("KEYLIME_")]:
        del os.environ[name]
    os.environ.update(environment)
    config._config = None
    config.CONFIG_FILES = {name: [root + path for path in paths] for name, paths in FILES.items()}
    config.CONFIG_SNIPPETS_DIRS = {name: [root + path for path in paths] for name, paths in SNIPPETS.items()}
    for name in config.CONFIG_ENV:
        path = environment.get(f"KEYLIME_{name.upper()}_CONFIG", "")
        config.CONFIG_ENV[name] = root + path if path else ""
    config.WORK_DIR = environment.get("KEYLIME_DIR", config.DEFAULT_WORK_DIR)


def tls(component, is_client):
    try:
        (cert, key, trusted, _), verifies = web_util.get_tls_options(component, is_client=is_client)
        return {"cert": cert, "key": key and os.path.abspath(key), "trusted": trusted, "verifies": verifies}
    except Exception:
        return "stops"


def answer(question):
    component = question["component"]
    start(question["root"], question["environment"])
    try:
        values = [config.get(component, name, section=section) for section, name in question["options"]]
    except Exception:
        return "does not start"
    return {"values": values, "server": tls(component, False), "client": tls(component, True)}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
