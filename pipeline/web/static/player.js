// The player of a book: chapter after chapter, and on from where it was left.
"use strict";

(() => {
  const book = document.querySelector("[data-book]").dataset.book;
  const audio = document.getElementById("audio"), rate = document.getElementById("rate");
  const place = `bookcast:place:${book}`;
  let number = 0;

  const links = () => [...document.querySelectorAll("[data-play]")];
  const remembered = () => { try { return JSON.parse(localStorage.getItem(place)) || {}; } catch { return {}; } };

  function load(wanted, seconds = 0, play = true) {
    const link = links().find((each) => Number(each.dataset.play) === wanted);
    if (!link) return;
    number = wanted;
    audio.src = link.getAttribute("href");
    document.getElementById("playing").textContent = link.dataset.title;
    audio.addEventListener("loadedmetadata", () => { audio.currentTime = seconds; audio.playbackRate = Number(rate.value); }, { once: true });
    if (play) studio.play(audio);
  }

  function step(by) {
    const numbers = links().map((link) => Number(link.dataset.play));
    const next = numbers[numbers.indexOf(number) + by];
    if (next) load(next);
  }

  function show() {
    const player = document.querySelector("[data-player]");
    if (!player.hidden || !links().length) return;
    player.hidden = false;
    const was = remembered();
    rate.value = was.rate || "1";
    load(links().some((link) => Number(link.dataset.play) === was.number) ? was.number : Number(links()[0].dataset.play), was.seconds || 0, false);
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-play]");
    if (link) { event.preventDefault(); load(Number(link.dataset.play)); }
    if (event.target.closest("[data-next]")) step(1);
    if (event.target.closest("[data-previous]")) step(-1);
  });
  rate.addEventListener("change", () => { audio.playbackRate = Number(rate.value); });
  audio.addEventListener("ended", () => step(1));
  audio.addEventListener("timeupdate", () => {
    localStorage.setItem(place, JSON.stringify({ number, seconds: audio.currentTime, rate: rate.value }));
  });
  studio.keys({ ...studio.soundKeys(audio, rate), n: () => step(1), p: () => step(-1) });
  document.addEventListener("studio:refreshed", show);
  show();
})();
