// What every page shares: progress by server-sent events, forms that say they are busy, keys, the help, notifications.
"use strict";

const studio = {
  /** The studio's answer, or null where it is not responding, which the page then says. */
  async ask(address, options = {}) {
    try { return await fetch(address, options); } catch { showAway(true); return null; }
  },
  /** A page as the studio shows it now, or null. */
  async page(address) {
    const answer = await studio.ask(address, { headers: { Accept: "text/html" } });
    return answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  },
  /** Put the parts of the page that change in place anew; sound goes on. */
  async refresh() {
    const fresh = await studio.page(location.pathname + location.search.replace(/[?&]did=\w+/, ""));
    if (!fresh) return;
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
  /** Play; that the next wish comes before sound does is no error. */
  play(audio) { audio.play().catch(() => {}); },
  /** What each key does on this page (false: nothing), except where the element in focus needs the key itself. */
  keys(acts) {
    document.addEventListener("keydown", (event) => {
      const own = event.key === " " ? "button, audio, summary" : event.key.startsWith("Arrow") ? "audio, .table:focus" : null;
      if (studio.isTyping(event) || own && event.target.closest(own) || !acts[event.key]) return;
      if (acts[event.key]() !== false) event.preventDefault();
    });
  },
  /** The keys of sound; `rate` is the list of speeds. */
  soundKeys(audio, rate) {
    const speed = (by) => { rate.selectedIndex = Math.min(rate.length - 1, Math.max(0, rate.selectedIndex + by)); rate.dispatchEvent(new Event("change")); };
    const heard = (act) => () => { if (!audio?.getAttribute("src")) return false; act(); return true; };
    return {
      " ": heard(() => (audio.paused ? studio.play(audio) : audio.pause())),
      ArrowLeft: heard(() => { audio.currentTime -= 5; }),
      ArrowRight: heard(() => { audio.currentTime += 5; }),
      ArrowUp: heard(() => speed(1)),
      ArrowDown: heard(() => speed(-1)),
    };
  },
};

const STATES = { scheduled: "waiting to start", pending: "starting …", running: "planning …", cancelling: "stopping …" };

function showProgress(run) {
  for (const box of document.querySelectorAll(`[data-progress="${CSS.escape(run.book)}"]`)) {
    const bar = box.querySelector("progress");
    if (run.total) { bar.max = run.total; bar.value = run.done; }
    const left = run.seconds_left === null ? "" : `, about ${studio.duration(run.seconds_left)} left`;
    const failed = run.failed ? `, ${run.failed} failed` : "";
    box.querySelector(".figures").textContent = run.total ? `${run.done} of ${run.total} chunks${failed}${left}` : STATES[run.state] || run.state;
  }
}

/** Say that the studio is not responding, or no longer say it. */
function showAway(is) {
  const line = document.getElementById("away");
  line.textContent = is ? line.textContent || "The studio is not responding. Nothing is lost: this page goes on when it is back." : "";
}

const AWAY_AFTER_MS = 1500, AGAIN_AFTER_MS = 3000;

function watchRuns() {
  let known = null, refreshedAt = 0, late = 0;
  const source = new EventSource("/api/events");
  source.addEventListener("open", () => {
    clearTimeout(late);
    late = 0;
    if (document.getElementById("away").textContent) studio.refresh();
    showAway(false);
  });
  source.addEventListener("error", () => {
    late ||= setTimeout(() => showAway(true), AWAY_AFTER_MS);  // a moment, for a page that is being left has errors, too
    if (source.readyState === EventSource.CLOSED) setTimeout(watchRuns, AGAIN_AFTER_MS);
  });
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
  const how = { finished: "is narrated", failed: "is narrated, with gaps", stopped: "has stopped", interrupted: "was interrupted and resumes by itself" }[run.ended_as] || "has ended";
  const shown = document.querySelector(`[data-book="${CSS.escape(run.book)}"]`);
  const feeds = { finished: "What is new in the feeds is narrated.", failed: "What is new in the feeds is narrated; some of it failed." };
  const told = run.book === "*feeds" ? feeds[run.ended_as] || "The run over the feeds has ended." : `${shown?.dataset.bookTitle || run.book} ${how}.`;
  studio.say(told);
  if ("Notification" in window && Notification.permission === "granted") new Notification("Bookcast", { body: told });
}

/** Notifications are offered as long as this browser can still be asked for them. */
function offerNotifications() {
  const canAsk = "Notification" in window && Notification.permission === "default";
  for (const button of document.querySelectorAll("[data-notify]")) button.hidden = !canAsk;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-help]")) document.getElementById("help").showModal();
  if (event.target.closest("[data-notify]")) Notification.requestPermission().then(offerNotifications);
});

studio.keys({
  "?": () => document.getElementById("help").showModal(),
  r: () => document.querySelector("[data-rerun]")?.click(),
});

/** Every form that changes something says that it is under way, until the next page is there. */
document.addEventListener("submit", (event) => {
  const form = event.target, button = event.submitter;
  if (event.defaultPrevented || form.getAttribute("method") !== "post" || !button) return;
  // afterwards: the value of a button that is disabled would not be sent
  setTimeout(() => {
    button.dataset.label = button.textContent;
    button.disabled = true;
    button.textContent = form.dataset.busy || `${button.textContent} …`;
  });
});

window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("button[data-label]")) {  // "back" led here
    button.disabled = false;
    button.textContent = button.dataset.label;
  }
});

/** An upload that would be refused is not even sent; what was typed stays. */
document.addEventListener("submit", (event) => {
  const bound = Number(event.target.dataset.maxBytes), input = bound && event.target.querySelector("input[type=file]");
  const bytes = input ? [...input.files].reduce((sum, file) => sum + file.size, 0) : 0;
  if (!bytes || bytes <= bound) return;
  event.preventDefault();
  const sizes = `${Math.ceil(bytes / 1e6)} MB together, and ${Math.floor(bound / 1e6)} MB are accepted at once`;
  document.getElementById(`${input.id}-wrong`).textContent = `These files have ${sizes}. Try: choose fewer files.`;
}, { capture: true });

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
document.querySelector("[aria-invalid=true]")?.focus();  // which may be far below
offerNotifications();
document.addEventListener("studio:refreshed", offerNotifications);
watchRuns();
