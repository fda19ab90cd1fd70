// A chapter that is read along: the sentence that is heard is marked and kept in view; a click hears, a second one mends.
"use strict";

(() => {
  const audio = document.getElementById("audio"), rate = document.getElementById("rate");
  const reading = document.querySelector("[data-chapter]"), text = document.getElementById("live-text");
  const panel = document.getElementById("panel");
  const place = `bookcast:place:${reading.dataset.book}`, number = Number(reading.dataset.chapter);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let sentences = [], heard = null, chosen = null;

  function gather() {
    sentences = [...text.querySelectorAll("[data-start]")];
    heard = null;
    chosen = chosen && document.getElementById(chosen.id);  // a refresh put another element in its place
    if (audio && text.dataset.audio && audio.getAttribute("src") !== text.dataset.audio) {
      const at = audio.currentTime, playing = !audio.paused;
      audio.src = text.dataset.audio;
      audio.addEventListener("loadedmetadata", () => { audio.currentTime = at; if (playing) studio.play(audio); }, { once: true });
    }
  }

  /** The sentence at a time, by bisection; null before the first. */
  function sentenceAt(seconds) {
    let low = 0, high = sentences.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Number(sentences[middle].dataset.start) <= seconds) low = middle + 1; else high = middle;
    }
    return low ? sentences[low - 1] : null;
  }

  function follow() {
    const now = sentenceAt(audio.currentTime + 0.02);
    if (now !== heard) {
      heard?.classList.remove("spoken");
      heard?.removeAttribute("aria-current");
      now?.classList.add("spoken");
      now?.setAttribute("aria-current", "true");
      heard = now;
      if (now && !audio.paused && !isMending()) keepInView(now);
    }
    if (!audio.paused) requestAnimationFrame(follow);
  }

  /** Whoever mends a sentence wants it to stay where it is. */
  const isMending = () => !panel.classList.contains("is-empty");

  function keepInView(element) {
    const box = element.getBoundingClientRect();
    if (box.top < 80 || box.bottom > innerHeight - 140) {
      element.scrollIntoView({ block: "center", behavior: calm.matches ? "auto" : "smooth" });
    }
  }

  function choose(sentence) {
    chosen = sentence;
    sentence.focus({ preventScroll: true });
    keepInView(sentence);
    if (audio && sentence.dataset.start) {
      audio.currentTime = Number(sentence.dataset.start);
      follow();
    }
  }

  /** Show the panel, which on a phone lies over the text, with the sentence above it. */
  function open(content, sentence) {
    panel.innerHTML = content;
    panel.classList.remove("is-empty");
    panel.focus({ preventScroll: true });
    if (sentence && getComputedStyle(panel).position === "fixed") sentence.scrollIntoView({ block: "start" });
  }

  async function mend(sentence) {
    const answer = await studio.ask(`${location.pathname}/sentences/${sentence.dataset.sentence}`);
    if (answer?.ok) { chosen = sentence; open(await answer.text(), sentence); }
  }

  function close() {
    panel.replaceChildren();
    panel.classList.add("is-empty");
    chosen?.focus({ preventScroll: true });
  }

  text.addEventListener("click", (event) => {
    const sentence = event.target.closest("[data-sentence]");
    if (!sentence || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (sentence === chosen || !sentence.dataset.start) { mend(sentence); return; }
    choose(sentence);
    if (audio) studio.play(audio);
  });

  // the panel counts what a word touches without leaving the page; what it saves is an ordinary form
  panel.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.fragment || event.submitter?.value !== "count") return;
    event.preventDefault();
    const data = new FormData(form, event.submitter);
    // by its attribute: form.action is the button of that name
    const answer = await studio.ask(form.getAttribute("action"), { method: "POST", body: new URLSearchParams(data), headers: { "X-Fragment": "1", Accept: "text/html" } });
    if (answer) open(await answer.text());
  });
  panel.addEventListener("click", (event) => {
    if (!event.target.closest("[data-close]")) return;
    event.preventDefault();
    close();
  });
  panel.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });

  /** The sentence that keys start from. */
  const present = () => (chosen && chosen.isConnected ? chosen : heard);
  const step = (by) => { const next = sentences[sentences.indexOf(present()) + by] || sentences[0]; if (next) choose(next); };
  studio.keys({
    ...studio.soundKeys(audio, rate),
    j: () => step(1),
    k: () => step(-1),
    e: () => { const from = present(); if (from) mend(from); },
    n: () => document.querySelector("[rel=next]")?.click(),
    p: () => document.querySelector("[rel=prev]")?.click(),
  });

  if (audio) {
    const was = (() => { try { return JSON.parse(localStorage.getItem(place)) || {}; } catch { return {}; } })();
    rate.value = was.rate || "1";
    audio.addEventListener("loadedmetadata", () => {
      audio.playbackRate = Number(rate.value);
      if (was.number === number) { audio.currentTime = was.seconds; follow(); }
    }, { once: true });
    rate.addEventListener("change", () => { audio.playbackRate = Number(rate.value); });
    audio.addEventListener("play", follow);
    audio.addEventListener("seeked", follow);
    audio.addEventListener("timeupdate", () => {
      localStorage.setItem(place, JSON.stringify({ number, seconds: audio.currentTime, rate: rate.value }));
    });
  }
  document.addEventListener("studio:refreshed", gather);
  gather();
})();
