"""Keylime's own judgement (keylime 7.14.3) of a list of jobs: JSON on stdin, one answer per job as JSON on stdout."""

import base64
import json
import logging
import sys

logging.disable(logging.CRITICAL)

from keylime.agentstates import AgentAttestState  # noqa: E402
from keylime.common.algorithms import Hash  # noqa: E402
from keylime.mba import mba  # noqa: E402
from keylime.tpm.tpm_main import Tpm  # noqa: E402

mba.load_imports(skip_custom_policies=True)


def accepts(job):
    """Whether a quote is accepted; `pubkey`, when given, must be what PCR 16 holds."""
    state = AgentAttestState("oracle")
    try:
        failure = Tpm().check_quote(
            state,
            job["nonce"],
            job.get("pubkey"),
            job["quote"],
            job["ak"],
            ima_measurement_list="",
            hash_alg=Hash(job["hash"]),
            skip_pcr_check="pubkey" not in job,
            skip_clock_check=True,
        )
        return not failure
    except Exception:
        return False


def clocks(job):
    """What each quote of a sequence adds to the timing failures of one agent."""
    state = AgentAttestState("oracle")
    failures = []
    for quote in job["quotes"]:
        failure, current = Tpm.check_quote_timing(state.get_tpm_clockinfo(), quote, False)
        if current:
            state.set_tpm_clockinfo(current)
        failures.append(failure)
    return failures


def credential(job):
    """A registrar's challenge: the blob as sent and the text the auth tag is keyed with."""
    blob, key = Tpm.encrypt_aik_with_ek("oracle", base64.b64decode(job["ek"]), base64.b64decode(job["ak"]))
    return {"blob": blob.decode(), "key": key}


jobs = {"accepts": accepts, "clocks": clocks, "credential": credential}
json.dump([jobs[job["do"]](job) for job in json.load(sys.stdin)], sys.stdout)
