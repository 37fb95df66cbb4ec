"""Drives a headless Chromium over its DevTools pipe. The standard library alone: no driver, no package, no port."""
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --disable-dev-shm-usage --remote-debugging-pipe"
)
WAIT = 20.0  # seconds; bounds every answer and every condition


def find():
    """The browser's path, or None."""
    names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    return next((path for path in map(shutil.which, filter(None, names)) if path), None)


class Chromium:
    """One browser with an empty profile; as a context manager it ends with its block."""

    def __init__(self, path, *flags):
        self.profile = tempfile.mkdtemp(prefix="chinwag-page-")
        to_read, self.to = os.pipe()
        self.back, to_write = os.pipe()
        # Chromium reads commands from descriptor 3 and answers on 4. Copies far away cannot be overwritten by the other.
        far_read, far_write = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64) for fd in (to_read, to_write))

        def place():
            os.dup2(far_read, 3)
            os.dup2(far_write, 4)

        self.process = subprocess.Popen(
            [path, *FLAGS.split(), f"--user-data-dir={self.profile}", *flags, "about:blank"],
            preexec_fn=place,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for fd in (far_read, far_write, to_read, to_write):
            os.close(fd)
        self.ids, self.buffer, self.events = 0, b"", []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close")
            self.process.wait(WAIT)
        except (OSError, RuntimeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method, session=None, **params):
        self.ids += 1
        message = {"id": self.ids, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data) :]
        wanted, deadline = self.ids, time.monotonic() + WAIT
        while True:
            answer = self.receive(deadline, method)
            if answer.get("id") == wanted:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def receive(self, deadline, method):
        while b"\0" not in self.buffer:
            if not select.select([self.back], [], [], max(0, deadline - time.monotonic()))[0]:
                raise RuntimeError(f"{method}: no answer within {WAIT} s")
            data = os.read(self.back, 1 << 20)
            if not data:
                raise RuntimeError(f"{method}: the browser has ended")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def page(self, url, before=""):
        """A page in a profile of its own; `before` is script that runs ahead of the page's."""
        return Page(self, url, before)


class Page:
    def __init__(self, browser, url, before):
        self.browser = browser
        context = browser.call("Target.createBrowserContext")["browserContextId"]
        self.target = browser.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.focus(True)
        if before:
            self.call("Page.addScriptToEvaluateOnNewDocument", source=before)
        self.call("Page.navigate", url=url)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def focus(self, on):
        """Makes the page believe that a person looks at it, whatever else is open."""
        self.call("Emulation.setFocusEmulationEnabled", enabled=on)

    def run(self, script):
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails'].get('exception', {}).get('description')}")
        return answer["result"].get("value")

    def wait(self, condition, what=""):
        deadline = time.monotonic() + WAIT
        while True:
            try:
                value, fault = self.run(condition), ""
            except RuntimeError as error:  # a document that is not there yet
                value, fault = None, f" ({error})"
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {WAIT:.0f} s: {what or condition}{fault}")
            time.sleep(0.02)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def press(self, key, shift=False):
        codes = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowUp": 38, "ArrowDown": 40, "PageUp": 33, "PageDown": 34}
        options = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key], "modifiers": 8 if shift else 0}
        if key == "Enter":
            options["text"] = "\r"
        self.call("Input.dispatchKeyEvent", type="keyDown", **options)
        options.pop("text", None)
        self.call("Input.dispatchKeyEvent", type="keyUp", **options)

    def look(self, width=1100, height=700, dark=False, mobile=False, file=None):
        """Sets what the page is seen with; a picture of it into `file`."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        scheme = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        if file:
            self.browser.call("Target.activateTarget", targetId=self.target)
            # Two frames: what the new size has moved is drawn in the second.
            self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            with open(file, "wb") as picture:
                picture.write(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def complaints(self):
        """Exceptions, errors and refusals by the content security policy so far."""
        self.run("0")
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            params = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                found.append(details.get("exception", {}).get("description") or details["text"])
            elif event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
                found.append(f"{params['entry']['text']} {params['entry'].get('url', '')}".strip())
        return found
