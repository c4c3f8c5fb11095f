"""A real lanrage-server on loopback, with settings of the test's choosing."""

import os
import resource
import subprocess
import sys
import tempfile
import threading

ENROLMENT_KEY = "conformance-enrolment-key"
RATES = ("requests_an_address", "registrations_an_address", "requests_a_peer", "signals_a_peer",
         "creations_a_peer", "updates_a_peer", "handed_back_a_peer", "handed_back_of_a_peer",
         "wrong_words_an_address", "wrong_keys_an_address", "admissions")


def rate(per_second, burst):
    return f"{{ per_second = {per_second}, burst = {burst} }}"


def settings(folder, top, limits, party):
    """TOML. Nothing is rate-limited unless the test says so."""
    top = {"role": '["control", "relay"]', "listen": '"127.0.0.1:0"', "metrics_listen": '"off"',
           "relay_listen": '"127.0.0.1:0"', "log_level": '"error"', "map_ports": '"off"',
           "enroll": f'"{ENROLMENT_KEY}"',
           "audit_log": f'"{folder}/audit.log"', **top}
    limits = {**{name: rate(100_000, 1_000_000) for name in RATES}, **limits}
    lines = [f"{key} = {value}" for key, value in top.items()]
    lines += ["[limits]", *(f"{key} = {value}" for key, value in limits.items())]
    lines += ["[limits.party]", *(f"{key} = {value}" for key, value in party.items())]
    return "\n".join(lines) + "\n"


class Running:
    """with Running(program, create_policy='"word"', limits={...}) as server: ..."""

    def __init__(self, program, limits=None, party=None, **top):
        self.program = program
        self.folder = tempfile.TemporaryDirectory(prefix="lanrage-conformance-")
        self.data = os.path.join(self.folder.name, "data")
        config = os.path.join(self.folder.name, "server.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(settings(self.folder.name, top, limits or {}, party or {}))
        # SIGXFSZ stays ignored, as Python has it: a write beyond break_store()'s limit then fails
        # instead of ending the server.
        self.process = subprocess.Popen(
            [program, "--config", config, "--data-dir", self.data], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, restore_signals=False)
        self.log = threading.Thread(target=self._pass_on_log, daemon=True)
        self.log.start()
        ready = self.process.stdout.readline().split()
        if not ready or ready[0] != "ready":
            self.__exit__()
            raise RuntimeError("the server didn't get ready")
        self.facts = dict(word.split("=", 1) for word in ready[1:])
        self.url, self.pin = self.facts["url"], self.facts["pin"]

    def _pass_on_log(self):
        for line in self.process.stderr:
            sys.stderr.write(line)

    def limit_file_size(self, size):
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, hard))

    def break_store(self):
        """From now on nothing can be written to the database."""
        self.limit_file_size(0)

    def mend_store(self):
        self.limit_file_size(resource.RLIM_INFINITY)

    def admin(self, *words):
        subprocess.run([self.program, *words, "--data-dir", self.data], check=True,
                       stdout=subprocess.DEVNULL, timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.log.join()
        self.process.stdout.close()
        self.process.stderr.close()
        self.folder.cleanup()
        assert status == 0, f"the server ended with {status}"
