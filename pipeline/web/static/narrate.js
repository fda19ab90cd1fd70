// The plan follows the choice of voice; a sample is heard without leaving the page.
"use strict";

(() => {
  const form = document.querySelector("[data-plan]"), backend = form.elements.backend;
  let asked = 0;

  /** Only models and voices of the chosen backend can be chosen. */
  function narrow() {
    for (const list of [form.elements.model, form.elements.voice]) {
      for (const group of list.querySelectorAll("optgroup")) {
        group.hidden = group.disabled = group.label !== backend.value;
      }
      if (list.selectedOptions[0]?.dataset.backend && list.selectedOptions[0].dataset.backend !== backend.value) list.value = "";
    }
  }

  function order() {
    const fields = new FormData(form);
    const chapters = [];
    for (const part of String(fields.get("chapters")).split(",").map((each) => each.trim()).filter(Boolean)) {
      const [first, last] = part.split("-").map(Number);
      for (let at = first; at <= (last || first) && chapters.length < 10000; at++) chapters.push(at);
    }
    return {
      backend: fields.get("backend"), model: fields.get("model"), voice: fields.get("voice"), speed: Number(fields.get("speed")),
      mastering: fields.get("mastering"), formats: fields.getAll("formats"), chapters,
    };
  }

  async function plan() {
    const mine = ++asked, wrong = document.getElementById("plan-wrong");
    const answer = await fetch(form.dataset.plan, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(order()) });
    const found = await answer.json();
    if (mine !== asked) return;
    wrong.textContent = answer.ok ? "" : `${found.error.message}${found.error.remedy ? ` (${found.error.remedy})` : ""}`;
    if (!answer.ok) return;
    const shown = {
      ...found,
      chars_to_speak: found.chars_to_speak.toLocaleString("en"),
      audio_seconds: studio.duration(found.audio_seconds),
      wall_seconds: studio.duration(found.wall_seconds),
      cost: found.cost === null ? "not known: price_per_1k_chars is not set" : found.chars_billed ? `${found.cost.toFixed(4)} ${found.currency}` : "free",
    };
    for (const figure of document.querySelectorAll("[data-figure]")) figure.textContent = shown[figure.dataset.figure];
  }

  form.addEventListener("change", () => { narrow(); plan(); });
  form.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("data-audition")) {
      event.preventDefault();
      const { backend, model, voice, speed } = order();
      const address = `/media/audition?${new URLSearchParams({ backend, model, voice, speed })}`;
      const sound = new Audio(address);
      event.submitter.textContent = "Speaking …";
      sound.addEventListener("playing", () => { event.submitter.textContent = "Hear it again"; });
      sound.addEventListener("error", async () => {
        event.submitter.textContent = "Hear a sample";
        const answer = await fetch(address);
        if (!answer.ok) studio.say((await answer.json()).error.message);
      });
      sound.play().catch(() => {});
    }
  });
  document.querySelector("[data-update]").hidden = true;
  narrow();
})();
