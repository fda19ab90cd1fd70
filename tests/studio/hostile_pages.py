"""Pages of other people, in a real browser: another site on this machine, and a foreign name that resolves to it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psutil
from playwright.sync_api import Page

FOREIGN_NAME = "evil.example"
_FETCHES = """async ([site, deployment]) => {
    const steps = JSON.stringify({pull_steps: [{'prefect.deployments.steps.run_shell_script': {script: 'true'}}]});
    const form = new FormData();
    form.append('title', 'Owned');
    form.append('text', 'Words.');
    const tries = [
        ['GET', '/'], ['GET', '/api/books'], ['GET', '/v1/models'], ['GET', '/openapi.json'], ['GET', '/static/studio.js'],
        ['POST', '/new', form], ['POST', '/api/texts', JSON.stringify({title: 'Owned', text: 'Words.'})],
        ...['/api', '/prefect/api'].flatMap((api) => [
            ['GET', `${api}/health`], ['GET', `${api}/admin/settings`], ['GET', `${api}/deployments/${deployment}`],
            ['POST', `${api}/flow_runs/filter`, '{}'], ['PATCH', `${api}/deployments/${deployment}`, steps],
            ['POST', `${api}/deployments/${deployment}/create_flow_run`, '{}'], ['DELETE', `${api}/deployments/${deployment}`],
        ]),
        ['GET', '/prefect/'], ['GET', '/prefect/ui-settings'],
    ];
    const told = [];
    for (const [method, path, body] of tries) {
        for (const mode of ['cors', 'no-cors']) {
            if (mode === 'no-cors' && !['GET', 'POST'].includes(method)) continue;
            try {
                const answer = await fetch(site + path, {method, body, mode, credentials: 'include'});
                if (answer.type === 'opaque') continue;
                told.push([method, path, answer.status, await answer.text()]);
            } catch (refused) { /* the browser keeps it from the page */ }
        }
    }
    return told;
}"""
_HELD = """async (site) => {
    const opens = (made) => new Promise((done) => {
        made.onload = made.onopen = () => done(true);
        made.onerror = () => done(false);
    });
    const held = (kind, address) => {
        const made = document.createElement(kind);
        const promise = opens(made);
        made[kind === 'link' ? 'href' : 'src'] = address;
        if (kind === 'link') made.rel = 'stylesheet';
        document.head.append(made);
        return promise;
    };
    const found = [];
    for (const [kind, path] of [
        ['script', '/static/studio.js'], ['link', '/static/studio.css'], ['img', '/static/icon.svg'],
        ['script', '/api/admin/version'], ['img', '/prefect/ico/favicon-32x32.png'], ['img', '/ico/favicon-32x32.png'],
        ['img', '/api/static/prefect-logo-mark-gradient.png'],
    ]) if (await held(kind, site + path)) found.push(path);
    for (const path of ['/', '/api/events/in', '/api/events/out', '/api/logs/out', '/prefect/api/events/out']) {
        if (await opens(new WebSocket(site.replace('http', 'ws') + path, 'prefect'))) found.push(path);
    }
    return found;
}"""


@contextmanager
def other_site() -> Iterator[str]:
    """The address of a page of somebody else, served by this machine."""

    class Empty(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Win a prize</title>")

    with ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def attack(page: Page, port: int, deployment: str, elsewhere: str) -> list[Any]:
    """What two foreign pages learn from the server at a port of this machine; they try to change things as well."""
    learned: list[Any] = []
    target = f"http://127.0.0.1:{port}"
    page.goto(elsewhere)
    learned += page.evaluate(_FETCHES, [target, deployment])
    learned += page.evaluate(_HELD, target)
    rebound = f"http://{FOREIGN_NAME}:{port}"
    opened = page.goto(rebound)  # its name leads here now: for the browser, all of that server is its own
    assert opened
    assert opened.status == 403
    answers = page.evaluate(_FETCHES, [rebound, deployment])
    assert answers, "the page was kept from asking"
    learned += [answer for answer in answers if answer[2] not in {401, 403}]
    learned += page.evaluate(_HELD, rebound)
    return learned


def ports_of(processes: list[psutil.Process]) -> set[int]:
    """Where these programs listen."""
    pids = {process.pid for process in processes}
    return {c.laddr.port for c in psutil.net_connections("tcp") if c.pid in pids and c.status == psutil.CONN_LISTEN}
