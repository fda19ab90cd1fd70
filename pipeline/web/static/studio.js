// What every page shares: progress by server-sent events, forms that say they are busy, the help, notifications.
"use strict";

const studio = {
  /** Put the parts of the page that change in place anew, as the server shows them now; sound goes on. */
  async refresh() {
    const answer = await fetch(location.pathname + location.search.replace(/[?&]did=\w+/, ""), { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = fresh.getElementById(part.id);
      if (!other || other.innerHTML === part.innerHTML || part.contains(document.activeElement) && document.activeElement !== document.body) continue;
      part.replaceChildren(...other.childNodes);
      Object.assign(part.dataset, other.dataset);
    }
    document.dispatchEvent(new CustomEvent("studio:refreshed"));
  },
  say(text) {
    const line = Object.assign(document.createElement("p"), { className: "said", textContent: text });
    document.getElementById("said").replaceChildren(line);
  },
  duration(seconds) {
    const whole = Math.round(seconds);
    if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${String(Math.floor(whole % 3600 / 60)).padStart(2, "0")} min`;
    return whole >= 60 ? `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s` : `${whole} s`;
  },
  isTyping(event) {
    return event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog[open]");
  },
};

function showProgress(run) {
  for (const box of document.querySelectorAll(`[data-progress="${CSS.escape(run.book)}"]`)) {
    const bar = box.querySelector("progress");
    if (run.total) { bar.max = run.total; bar.value = run.done; }
    const left = run.seconds_left === null ? "" : `, about ${studio.duration(run.seconds_left)} left`;
    const failed = run.failed ? `, ${run.failed} failed` : "";
    box.querySelector(".figures").textContent = run.total ? `${run.done} of ${run.total} chunks${failed}${left}` : run.state;
  }
}

function watchRuns() {
  let known = null, refreshedAt = 0;
  const source = new EventSource("/api/events");
  source.addEventListener("progress", (event) => {
    const runs = JSON.parse(event.data), now = new Map(runs.map((run) => [run.book, run]));
    runs.forEach(showProgress);
    const moved = known ? runs.filter((run) => known.get(run.book)?.state !== run.state) : [];
    moved.filter((run) => run.state === "ended").forEach(notify);
    const steps = known && runs.some((run) => known.get(run.book)?.done !== run.done);
    if (moved.length || (steps && Date.now() - refreshedAt > 4000)) {
      refreshedAt = Date.now();
      studio.refresh().then(() => runs.forEach(showProgress));
    }
    known = now;
  });
}

function notify(run) {
  const how = { finished: "is narrated", failed: "is narrated, with gaps", stopped: "has stopped" }[run.ended_as] || "has ended";
  const shown = document.querySelector(`[data-book="${CSS.escape(run.book)}"]`);
  const feeds = { finished: "What is new in the feeds is narrated.", failed: "What is new in the feeds is narrated; some of it failed." };
  const told = run.book === "*feeds" ? feeds[run.ended_as] || "The run over the feeds has ended." : `${shown?.dataset.bookTitle || run.book} ${how}.`;
  studio.say(told);
  if ("Notification" in window && Notification.permission === "granted") new Notification("Bookcast", { body: told });
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-help]")) document.getElementById("help").showModal();
  const asked = event.target.closest("[data-notify]");
  if (asked) Notification.requestPermission().then((answer) => { if (answer === "granted") asked.hidden = true; });
});

document.addEventListener("keydown", (event) => {
  if (studio.isTyping(event)) return;
  if (event.key === "?") document.getElementById("help").showModal();
  if (event.key === "r") document.querySelector("[data-rerun]")?.click();
});

document.addEventListener("submit", (event) => {
  const form = event.target, note = form.dataset.busy;
  if (note && event.submitter) { setTimeout(() => { event.submitter.disabled = true; event.submitter.textContent = note; }); }
});

for (const zone of document.querySelectorAll("[data-drop]")) {
  const input = zone.querySelector("input[type=file]");
  const over = (is) => (event) => { event.preventDefault(); zone.classList.toggle("over", is); };
  zone.addEventListener("dragover", over(true));
  zone.addEventListener("dragleave", over(false));
  zone.addEventListener("drop", (event) => {
    over(false)(event);
    input.files = event.dataTransfer.files;
    if (input.files.length) input.form.requestSubmit();
  });
}

for (const button of document.querySelectorAll("[data-help]")) button.hidden = false;
for (const button of document.querySelectorAll("[data-notify]")) {
  button.hidden = !("Notification" in window) || Notification.permission === "granted";
}
watchRuns();
