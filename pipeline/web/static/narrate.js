// The plan follows the choice of voice, as the studio works it out; a sample is heard without leaving the page.
"use strict";

(() => {
  const form = document.querySelector("[data-plan]"), { backend, model, voice } = form.elements;
  let asked = 0;

  /** Only models and voices of the chosen backend can be chosen. */
  function narrow() {
    for (const list of [model, voice]) {
      for (const group of list.querySelectorAll("optgroup")) {
        group.hidden = group.disabled = group.label !== backend.value;
      }
      if (list.selectedOptions[0]?.dataset.backend && list.selectedOptions[0].dataset.backend !== backend.value) list.value = "";
    }
  }

  /** The studio's answer to the form as it is filled in: the plan, or what is wrong at which field. */
  async function plan() {
    const mine = ++asked;
    const fresh = await studio.page(`${location.pathname}?${new URLSearchParams(new FormData(form))}`);
    if (!fresh || mine !== asked) return;
    for (const part of form.querySelectorAll("[data-answer]")) {
      const other = fresh.getElementById(part.id);
      if (other.innerHTML !== part.innerHTML) part.replaceChildren(...other.childNodes);
      form.querySelector(`[aria-describedby="${part.id}"]`)?.setAttribute("aria-invalid", String(Boolean(part.textContent)));
    }
  }

  async function audition(button) {
    const order = new URLSearchParams(["backend", "model", "voice", "speed"].map((name) => [name, form.elements[name].value]));
    const address = `/media/audition?${order}`, sound = new Audio(address);
    button.textContent = "Speaking …";
    sound.addEventListener("playing", () => { button.textContent = "Hear it again"; });
    sound.addEventListener("error", async () => {
      button.textContent = "Hear a sample";
      const answer = await studio.ask(address);
      if (answer && !answer.ok) studio.say((await answer.json()).error.message);
    });
    studio.play(sound);
  }

  form.addEventListener("change", () => { narrow(); plan(); });
  form.addEventListener("submit", (event) => {
    if (!event.submitter?.hasAttribute("data-audition")) return;
    event.preventDefault();
    audition(event.submitter);
  });
  document.querySelector("[data-update]").hidden = true;
  narrow();
})();
