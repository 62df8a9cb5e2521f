#!/usr/bin/env python3
"""A worker for Pelorus in Python: shell tasks, nothing else. It shows that docs/worker-protocol.md and the published schemas
are all that a worker in another language needs; the same protocol tests hold it and Pelorus's own worker to their word.

Needs Python 3.9 and the package `websockets` (Debian: python3-websockets), on Linux. Configuration, from the environment:

  PELORUS_MASTERS                 ws://host:port of each master, with commas
  PELORUS_WORKER_TOKEN            the token of the masters' doors
  PELORUS_DATA                    directory for work directories and logs
  PELORUS_WORKER_NAME, _GROUPS, _SLOTS, _HEARTBEAT (4s, 500ms), _MAX_LOAD (-1: twice the cores), _RESERVED_MEMORY (GiB)

Two processes. The *agent* (asyncio, one thread) speaks with the masters, starts tasks and waits for them. The *guard* is forked
before anything else and kills what the agent must not leave running: everything when the agent has died, and an attempt whose
execution lease ends, also while the agent hangs or is stopped. So nothing of a dead agent runs longer than its masters
think, and a new agent begins with nothing: what an earlier one held is declared lost when its lease is over.

What it promises (numbers as in docs/worker-protocol.md):
  - an attempt is started at most once, whatever is sent again; one that was refused or killed first never starts;
  - a report is offered until it is acknowledged, and a later one of the same attempt replaces it;
  - `finished` and `lost` are said when no process of the attempt is left.
"""
import asyncio
import base64
import inspect
import json
import os
import platform
import random
import re
import select
import shlex
import signal
import sys
import time
import urllib.parse

import websockets

VERSION = 1
SUBPROTOCOL = "pelorus.worker.v1"
FRAME_BYTES_MAX = 128 * 1024 * 1024
FRAME_CHARS = 1024 * 1024
LEASE_FRACTION = 0.9
RESEND_FIRST_MS, RESEND_MAX_MS = 1_000, 60_000
RECONNECT_FIRST_S, RECONNECT_MAX_S = 0.05, 5
SILENCE_MS = 20_000
SETTLED_MAX = 100_000
OUTPUT_BYTES = 256 * 1024
SURVIVOR_LOOKS = 2
HOST_VARIABLES = re.compile(r"^(PATH|HOME|LANG|LC_[A-Z_]+|TZ|TMPDIR|USER|SHELL)$")
VARIABLE_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
OUTPUT_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_.-]*$")
SET_VALUE = re.compile(r"\$\{setValue\(([A-Za-z_][A-Za-z0-9_.-]*)=(.*?)\)\}")


# ---------------------------------------------------------------------------------------------------------------- clock


def boot_ms():
    """Milliseconds that go on while the host sleeps and that nobody can set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) * 1000


EPOCH_AT_BOOT = time.time() * 1000 - boot_ms()


def now_ms():
    """Looks like epoch milliseconds, but never steps."""
    return round(boot_ms() + EPOCH_AT_BOOT)


# ------------------------------------------------------------------------------------------------------------ processes


def marked(marks):
    """Living processes whose environment holds all of these `NAME=value`."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                variables = set(file.read().split(b"\0"))
        except OSError:
            continue
        if all(mark.encode() in variables for mark in marks):
            found.append(int(entry))
    return found


def kill_all(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Guard:
    """The agent's end of the guard: it is told what is held, and until when."""

    def __init__(self, mark):
        reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(writing)
            guard_loop(reading, mark)
            os._exit(0)
        os.close(reading)
        self._pipe = writing

    def tell(self, *words):
        os.write(self._pipe, (json.dumps(words) + "\n").encode())


def guard_loop(pipe, mark):
    """Ends attempts whose lease is over, and all of them when the agent's end of the pipe closes."""
    os.setsid()
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    held, renewed_at, rest = {}, 0.0, b""
    while True:
        readable, _, _ = select.select([pipe], [], [], 0.05)
        if readable:
            chunk = os.read(pipe, 65536)
            if not chunk:
                looks = 0
                while looks < SURVIVOR_LOOKS:
                    left = marked([mark])
                    kill_all(left)
                    looks = 0 if left else looks + 1
                    time.sleep(0.01)
                return
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                word, *more = json.loads(line)
                if word == "renewed":
                    renewed_at = max(renewed_at, more[0])
                elif word == "hold":
                    held[more[0]] = more[1]
                elif word == "drop":
                    held.pop(more[0], None)
            continue
        for attempt, lease_ms in held.items():
            if boot_ms() > renewed_at + lease_ms * LEASE_FRACTION:
                kill_all(marked([mark, f"PELORUS_ATTEMPT={attempt}"]))


# ----------------------------------------------------------------------------------------------------------------- load


class Settings:
    def __init__(self, environ):
        def value(name, default):
            return environ.get(f"PELORUS_WORKER_{name}") or default

        self.masters = [url.strip() for url in environ["PELORUS_MASTERS"].split(",") if url.strip()]
        self.token = environ["PELORUS_WORKER_TOKEN"]
        self.data = os.path.abspath(environ["PELORUS_DATA"])
        self.name = value("NAME", platform.node())
        self.groups = [group.strip() for group in value("GROUPS", "default").split(",")]
        self.slots = int(value("SLOTS", "100"))
        self.heartbeat_ms = duration_ms(value("HEARTBEAT", "4s"))
        self.max_load = float(value("MAX_LOAD", "-1"))
        self.reserved_bytes = float(value("RESERVED_MEMORY", "0.3")) * 1024**3


def duration_ms(text):
    number, unit = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m)", text).groups()
    return float(number) * {"ms": 1, "s": 1000, "m": 60_000}[unit]


def memory_bytes():
    with open("/proc/meminfo") as file:
        kib = {line.split(":")[0]: int(line.split()[1]) for line in file if line.endswith("kB\n")}
    return kib["MemAvailable"] * 1024, kib["MemTotal"] * 1024


def overload(settings):
    """Why nothing new can be taken, or None."""
    load = os.getloadavg()[0]
    limit = settings.max_load if settings.max_load >= 0 else 2 * (os.cpu_count() or 1)
    if load > limit:
        return f"load average {load:.1f} is above {limit:.1f}"
    free, _ = memory_bytes()
    return f"free memory {free} is below {settings.reserved_bytes:.0f} bytes" if free < settings.reserved_bytes else None


# ------------------------------------------------------------------------------------------------------------- attempts


class Attempt:
    """What this worker has promised about one attempt."""

    def __init__(self, attempt, spec, phase, report):
        self.id = attempt
        self.spec = spec
        self.phase = phase  # starting, running, ended, refused
        self.report = {**report, "attempt": attempt, "sequence": 1}
        self.acked = report["kind"] == "accepted"
        self.tries = 0
        self.due_at = 0.0
        self.link = None
        self.kill = None  # {"cause", "grace_ms", "reason": "order" | "lease"}
        self.kill_wanted = asyncio.Event()

    @property
    def live(self):
        return self.phase in ("starting", "running")


class Link:
    """One connection to a master. What is sent in one turn of the loop travels as one frame."""

    def __init__(self):
        self.socket = None
        self.hello_at = 0
        self.welcomed = False
        self.master = None
        self.instead = None  # A newer link to the same master.
        self.gone = asyncio.Event()
        self.beats = []  # sent, not answered
        self.heard_at = 0.0
        self._waiting = []
        self._wake = asyncio.Event()

    def open(self, socket):
        self.socket = socket
        self.hello_at = now_ms()
        self.heard_at = boot_ms()

    def send(self, message):
        self._waiting.append(message)
        self._wake.set()

    async def pump(self):
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                frame, chars = [], 0
                while self._waiting and chars < FRAME_CHARS:
                    text = json.dumps(self._waiting.pop(0))
                    frame.append(text)
                    chars += len(text)
                await self.socket.send("[" + ",".join(frame) + "]")

    async def drain(self):
        while self._waiting:
            await asyncio.sleep(0.01)


class Worker:
    def __init__(self, settings, worker_id, mark, guard):
        self.settings = settings
        self.id = worker_id
        self.mark = mark
        self.guard = guard
        self.links = []
        self.held = {}
        self.settled = {}
        self.draining = False
        self.leaving = False
        self.scheduling_until = 0.0
        self.renewed_at = 0.0
        self.tasks = set()

    # Saying

    def load(self):
        free, total = memory_bytes()
        return {
            "slots": self.settings.slots,
            "usedSlots": self.used_slots,
            "loadAverage": os.getloadavg()[0],
            "cpuCount": os.cpu_count() or 1,
            "freeMemoryBytes": free,
            "totalMemoryBytes": total,
            "busy": overload(self.settings) is not None,
            "draining": self.draining,
        }

    @property
    def used_slots(self):
        return sum(1 for attempt in self.held.values() if attempt.live)

    def say_hello(self, link):
        link.send(
            {
                "kind": "hello",
                "worker": self.id,
                "name": self.settings.name,
                "host": platform.node(),
                "version": VERSION,
                "features": ["shell"],
                "groups": self.settings.groups,
                "load": self.load(),
                "attempts": list(self.held),
                "supersedes": [],
            }
        )

    def say_heartbeat(self, link):
        sent_at = now_ms()
        link.beats = [*link.beats[-63:], sent_at]
        link.send(
            {"kind": "heartbeat", "worker": self.id, "sentAt": sent_at, "load": self.load(), "attempts": list(self.held)}
        )

    def send_report(self, link, report):
        link.send({"kind": "report", "worker": self.id, "report": report})

    def offer(self, attempt):
        """Sends the last word on an attempt, and again later unless it is acknowledged."""
        routes = [attempt.link] if attempt.link in self.links else [link for link in self.links if link.welcomed]
        for link in routes:
            self.send_report(link, attempt.report)
        if not attempt.acked:
            pause = min(RESEND_MAX_MS, RESEND_FIRST_MS * 2 ** min(attempt.tries, 16))
            attempt.due_at = boot_ms() + pause * random.uniform(0.75, 1.25)

    def report(self, attempt, body):
        attempt.report = {**body, "attempt": attempt.id, "sequence": attempt.report["sequence"] + 1}
        attempt.acked = False
        attempt.tries = 0
        self.offer(attempt)

    # Hearing

    def hear(self, link, message):
        handler = {
            "welcome": self.on_welcome,
            "lease": self.on_lease,
            "dispatch": self.on_dispatch,
            "kill": self.on_kill,
            "ack": self.on_ack,
            "query": self.on_query,
        }.get(message["kind"])
        if handler is not None:  # What it does not know a newer master says to others.
            handler(link, message)

    def on_welcome(self, link, message):
        if abs(message["version"] - VERSION) > 1:
            raise ValueError(f"the master speaks version {message['version']}, this worker {VERSION}")
        link.welcomed = True
        link.master = message["master"]
        self.keep_newest(message["master"])
        self.renew(link.hello_at, message["leaseMs"])
        for attempt in list(self.held.values()):
            if not attempt.acked:
                attempt.tries = 0
                self.offer(attempt)

    def keep_newest(self, master):
        """Two addresses may be one master, which answers over the link that greeted it last."""
        *older, newest = [each for each in self.links if each.master == master]
        for link in older:
            link.instead = newest
            self.own(link.socket.close())

    def on_lease(self, link, message):
        if message["sentAt"] not in link.beats:
            return
        link.beats = link.beats[link.beats.index(message["sentAt"]) + 1 :]
        self.renew(message["sentAt"], message["leaseMs"])

    def renew(self, sent_at, lease_ms):
        """Leases count from the sending of what was answered: the answer may have taken its time."""
        self.scheduling_until = max(self.scheduling_until, sent_at + lease_ms * LEASE_FRACTION)
        if sent_at > self.renewed_at:
            self.renewed_at = sent_at
            self.guard.tell("renewed", sent_at - EPOCH_AT_BOOT)

    def on_dispatch(self, link, message):
        spec = message["spec"]
        attempt_id = spec["attempt"]
        if self.restate(link, attempt_id):
            return
        refusal = self.refusal()
        if refusal is not None:
            return self.refuse(link, attempt_id, {"kind": "no_capacity", "reason": refusal})
        attempt = Attempt(attempt_id, spec, "starting", {"kind": "accepted"})
        attempt.link = link
        self.held[attempt_id] = attempt
        self.offer(attempt)
        self.guard.tell("hold", attempt_id, spec["executionLeaseMs"])
        self.own(self.carry_out(attempt))

    def on_kill(self, link, message):
        attempt = self.held.get(message["attempt"])
        if attempt is None or not attempt.live:
            if not self.restate(link, message["attempt"]):
                self.refuse(link, message["attempt"], {"kind": "tombstoned"})
            return
        attempt.link = link
        self.order_kill(attempt, message["cause"], message["graceMs"], "order")

    def on_ack(self, link, message):
        attempt = self.held.get(message["attempt"])
        if attempt is None or attempt.report["sequence"] != message["sequence"]:
            return
        attempt.link = link
        attempt.acked = True
        if not attempt.live:
            self.settle(attempt)
        elif message["verdict"] == "unknown":
            cause = {"kind": "error", "detail": "no master knows this attempt"}
            self.order_kill(attempt, cause, attempt.spec["killGraceMs"], "order")

    def on_query(self, link, message):
        for attempt_id in message["attempts"]:
            if not self.restate(link, attempt_id):
                self.send_report(link, {"kind": "never_seen", "attempt": attempt_id, "sequence": 0})

    def restate(self, link, attempt_id):
        """Says again what is known of an attempt; false when nothing is."""
        attempt = self.held.get(attempt_id)
        if attempt is not None:
            attempt.link = link
            self.offer(attempt)
            return True
        if attempt_id in self.settled:
            self.send_report(link, self.settled[attempt_id])
            return True
        return False

    def refusal(self):
        if self.draining:
            return "the worker is draining"
        if now_ms() > self.scheduling_until:
            return "the scheduling lease is over"
        if self.used_slots >= self.settings.slots:
            return f"all {self.settings.slots} slots are taken"
        return overload(self.settings)

    def refuse(self, link, attempt_id, body):
        attempt = Attempt(attempt_id, None, "refused", body)
        attempt.link = link
        self.held[attempt_id] = attempt
        self.offer(attempt)

    def settle(self, attempt):
        del self.held[attempt.id]
        self.settled[attempt.id] = attempt.report
        while len(self.settled) > SETTLED_MAX:
            del self.settled[next(iter(self.settled))]

    def order_kill(self, attempt, cause, grace_ms, reason):
        if attempt.kill is None:
            attempt.kill = {"cause": cause, "grace_ms": grace_ms, "reason": reason}
            attempt.kill_wanted.set()

    # Running

    async def carry_out(self, attempt):
        """From `accepted` to the end of one attempt."""
        started_at = now_ms()
        problem = unsuitable(attempt.spec)
        if problem is None:
            process, output_path, log_path = await self.start_task(attempt.spec)
            attempt.phase = "running"
            self.report(attempt, {"kind": "running", "startedAt": started_at})
            code = await self.end_of(attempt, process)
            outputs, truncated, problem = collect_outputs(attempt.spec, output_path, log_path)
        else:
            code, outputs, truncated = 1, {}, False
        self.guard.tell("drop", attempt.id)
        attempt.phase = "ended"
        if attempt.kill is not None and attempt.kill["reason"] == "lease":
            return self.report(attempt, {"kind": "lost", "detail": "killed: the execution lease was not renewed"})
        state, cause = outcome_of(code, problem, attempt.kill)
        outcome = {
            "state": state,
            "cause": cause,
            "outputs": outputs,
            "outputsTruncated": truncated,
            "startedAt": started_at,
            "endedAt": now_ms(),
        }
        self.report(attempt, {"kind": "finished", "outcome": outcome})

    async def start_task(self, spec):
        work_dir = os.path.join(self.settings.data, "attempts", spec["attempt"])
        log_dir = os.path.join(self.settings.data, "logs", spec["attempt"].split(".")[0])
        os.makedirs(work_dir)  # Belongs to one attempt for ever: a second start fails here.
        os.makedirs(log_dir, exist_ok=True)
        for file in spec["files"]:
            path = os.path.normpath(os.path.join(work_dir, file["name"]))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as target:
                target.write(base64.b64decode(file["base64"]))
        action = spec["action"]
        script = action["file"]
        if action["run"] is not None:
            script = ".pelorus-task.sh"
            with open(os.path.join(work_dir, script), "w") as target:
                target.write(action["run"].replace("${system.task.execute.path}", work_dir) + "\n")
        output_path, log_path = work_dir + ".output", os.path.join(log_dir, spec["attempt"] + ".log")
        with open(log_path, "ab") as log:
            process = await asyncio.create_subprocess_exec(
                *shlex.split(action["shell"]),
                script if os.path.isabs(script) else f"./{script}",
                cwd=work_dir,
                env=self.environment(spec, work_dir, output_path),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return process, output_path, log_path

    def environment(self, spec, work_dir, output_path):
        host = {name: value for name, value in os.environ.items() if HOST_VARIABLES.match(name)}
        given = {**spec.get("environment", {}), **spec["params"], **spec["env"]}
        mark_name, mark_value = self.mark.split("=", 1)
        return {
            **host,
            **{name: value for name, value in given.items() if VARIABLE_NAME.match(name)},
            mark_name: mark_value,
            "PELORUS_ATTEMPT": spec["attempt"],
            "PELORUS_RUN_ID": spec["attempt"].split(".")[0],
            "PELORUS_TASK": spec["task"],
            "PELORUS_WORKFLOW": spec["workflow"],
            "PELORUS_PROJECT": spec["project"],
            "PELORUS_LOGICAL_DATE": spec["logicalDate"],
            "PELORUS_OUTPUT": output_path,
            "PELORUS_WORK_DIR": work_dir,
        }

    async def end_of(self, attempt, process):
        """The exit code, once nothing of the attempt is left; SIGTERM and SIGKILL on the way when it is to be killed."""
        ended = asyncio.ensure_future(process.wait())
        wanted = asyncio.ensure_future(attempt.kill_wanted.wait())
        await asyncio.wait([ended, wanted], return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            try:
                os.killpg(process.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
            await asyncio.wait([ended], timeout=attempt.kill["grace_ms"] / 1000)
        wanted.cancel()
        await self.sweep(attempt)
        return await ended

    async def sweep(self, attempt):
        """Until nothing carries the attempt's mark: one in the middle of an exec shows no environment, so it is looked for again."""
        looks = 0
        while looks < SURVIVOR_LOOKS:
            left = marked([self.mark, f"PELORUS_ATTEMPT={attempt.id}"])
            kill_all(left)
            looks = 0 if left else looks + 1
            await asyncio.sleep(0.01)

    # Time

    async def keep_time(self):
        beat_at = 0.0
        while True:
            await asyncio.sleep(0.05)
            at = boot_ms()
            if at >= beat_at:
                beat_at = at + self.settings.heartbeat_ms
                for link in self.links:
                    self.say_heartbeat(link)
            for attempt in list(self.held.values()):
                if not attempt.acked and at >= attempt.due_at:
                    attempt.tries += 1
                    self.offer(attempt)
                if attempt.live and attempt.kill is None:
                    self.watch_lease(attempt)

    def watch_lease(self, attempt):
        lease_ms = attempt.spec["executionLeaseMs"]
        grace_ms = min(attempt.spec["killGraceMs"], lease_ms * 0.3)
        if now_ms() >= self.renewed_at + lease_ms * LEASE_FRACTION - grace_ms:
            cause = {"kind": "error", "detail": f"no master renewed the execution lease of {lease_ms} ms"}
            self.order_kill(attempt, cause, grace_ms, "lease")

    # Links

    async def keep_linked(self, url):
        pause_s = RECONNECT_FIRST_S
        while not self.leaving:
            opened_at = boot_ms()
            link = Link()
            try:
                await self.serve(url, link)
            except (OSError, ValueError, KeyError, asyncio.TimeoutError, websockets.exceptions.WebSocketException) as error:
                print(f"{url}: {error or type(error).__name__}", file=sys.stderr, flush=True)
            link.gone.set()
            if link.instead is not None:
                await link.instead.gone.wait()
            if boot_ms() - opened_at > 10_000:
                pause_s = RECONNECT_FIRST_S
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))
            pause_s = min(pause_s * 2, RECONNECT_MAX_S)

    async def serve(self, url, link):
        headers = {"Authorization": f"Bearer {self.settings.token}"}
        # Renamed in version 14 of the package.
        is_new = "additional_headers" in inspect.signature(websockets.connect).parameters
        async with websockets.connect(
            urllib.parse.urljoin(url, "/worker"),
            subprotocols=[SUBPROTOCOL],
            max_size=FRAME_BYTES_MAX,
            compression=None,
            ping_interval=None,
            open_timeout=5,
            **{"additional_headers" if is_new else "extra_headers": headers},
        ) as socket:
            link.open(socket)
            self.links.append(link)
            pump = asyncio.ensure_future(link.pump())
            try:
                self.say_hello(link)
                self.say_heartbeat(link)
                while True:
                    text = await asyncio.wait_for(socket.recv(), SILENCE_MS / 1000)
                    if boot_ms() - link.heard_at > SILENCE_MS:
                        raise asyncio.TimeoutError("this process stood still: what came meanwhile is too old")
                    link.heard_at = boot_ms()
                    for message in json.loads(text):
                        self.hear(link, message)
            finally:
                self.links.remove(link)
                pump.cancel()

    # From start to end

    def own(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.ended)

    def ended(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # A bug: better to end than to hold an attempt that nothing moves. The guard kills what runs.
            print(f"fatal: {task.exception()!r}", file=sys.stderr, flush=True)
            os._exit(1)

    async def run(self):
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        for url in self.settings.masters:
            self.own(self.keep_linked(url))
        self.own(self.keep_time())
        await stop.wait()
        self.draining = True
        for link in self.links:
            self.say_heartbeat(link)
        while self.used_slots > 0 or any(not attempt.acked for attempt in self.held.values()):
            await asyncio.sleep(0.02)
        self.leaving = True
        for link in self.links:
            link.send({"kind": "goodbye", "worker": self.id})
        for link in list(self.links):
            await link.drain()
            await link.socket.close()


# ----------------------------------------------------------------------------------------------------- tasks as they end


def unsuitable(spec):
    """Why this worker can never run the task, or None."""
    action = spec["action"]
    if action["type"] != "shell":
        return f"this worker runs shell tasks, not {action['type']}"
    if spec.get("secrets"):
        return "this worker cannot hide secrets"
    if action["run"] is None and action["file"] is None:
        return "the task has neither a text nor a file to run"
    for file in spec["files"]:
        name = os.path.normpath(file["name"])
        if os.path.isabs(name) or name.startswith(".."):
            return f"the file {file['name']} would lie outside of the work directory"
    return None


def outcome_of(code, problem, kill):
    if kill is not None:
        return "killed", kill["cause"]
    if problem is not None:
        return "failed", {"kind": "invalid", "detail": problem}
    if code == 0:
        return "succeeded", None
    if code < 0:
        return "failed", {"kind": "signal", "name": signal.Signals(-code).name}
    return "failed", {"kind": "exit", "code": code}


def collect_outputs(spec, output_path, log_path):
    """Outputs by name, whether some did not fit, and what is wrong with the declared ones."""
    found = {}
    with open(log_path, errors="replace") as file:
        for line in file:
            found.update(SET_VALUE.findall(line))
    if os.path.exists(output_path):
        with open(output_path, errors="replace") as file:
            found.update(parse_output_file(file.read()))
    outputs, size, truncated, problem = {}, 0, False, None
    for name, text in found.items():
        value = normalised(text, spec["outputs"].get(name, {}).get("type"))
        if value is None:
            problem = f"output {name} is declared {spec['outputs'][name]['type']}, the task gave {text[:100]!r}"
            continue
        cost = len(name.encode()) + len(value.encode())
        if size + cost > OUTPUT_BYTES:
            truncated = True
            continue
        size += cost
        outputs[name] = value
    return outputs, truncated, problem


def parse_output_file(text):
    outputs, lines, index = {}, text.split("\n"), 0
    while index < len(lines):
        line = lines[index].rstrip("\r")
        heredoc = re.match(r"^([^=<\s]+)<<(\S+)$", line)
        name, equals, value = line.partition("=")
        if heredoc and OUTPUT_NAME.match(heredoc.group(1)):
            rest = [candidate.rstrip("\r") for candidate in lines[index + 1 :]]
            length = rest.index(heredoc.group(2)) if heredoc.group(2) in rest else len(rest)
            outputs[heredoc.group(1)] = "\n".join(lines[index + 1 : index + 1 + length])
            index += length + 1
        elif equals and OUTPUT_NAME.match(name.strip()):
            outputs[name.strip()] = value
        index += 1
    return outputs


def normalised(text, declared):
    trimmed = text.strip()
    if declared == "integer":
        return str(int(trimmed)) if re.fullmatch(r"[+-]?\d+", trimmed) else None
    if declared == "number":
        return trimmed if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", trimmed) else None
    if declared == "boolean":
        return trimmed.lower() if trimmed.lower() in ("true", "false") else None
    return text


def main():
    settings = Settings(os.environ)
    os.makedirs(settings.data, exist_ok=True)
    worker_id = f"w-{os.urandom(8).hex()}"
    mark = f"PELORUS_WORKER_MARK={worker_id}"
    guard = Guard(mark)
    asyncio.run(Worker(settings, worker_id, mark, guard).run())


if __name__ == "__main__":
    main()
