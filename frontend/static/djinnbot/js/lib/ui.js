// Parts of the shell: toasts, dialogs, the theme button, the connection mark.

import { Problem } from "./api.js";
import { h, render } from "./dom.js";
import { icon } from "./status.js";

export function toast(text, tone = "run") {
  const note = h("div", { class: "toast", dataset: { tone } }, h("p", null, text),
    h("button", { class: "button plain small icon-only", type: "button", "aria-label": "Close" },
      icon("cross")));
  note.querySelector("button").addEventListener("click", () => note.remove());
  const place = document.getElementById("toasts");
  place.append(note);
  while (place.children.length > 3) place.firstChild.remove();
  setTimeout(() => note.remove(), tone === "bad" ? 12_000 : 5_000);
}

export function problemPanel(error, retry) {
  const id = error.body?.request_id;
  return h("div", { class: "problem", role: "alert", dataset: { tone: "bad" } }, icon("alert"),
    h("div", { class: "grow" }, h("p", null, error.message),
      id && h("p", { class: "facts" }, "Request ", h("code", null, id)),
      retry && h("div", { class: "buttons" },
        h("button", { class: "button small", type: "button", dataset: { action: retry } }, "Try again"))));
}

export function emptyState(title, text, ...more) {
  return h("div", { class: "empty" }, h("h2", null, title), h("p", null, text), more);
}

/**
 * Ask in a dialog. `fields`: [{name, label, type: text|textarea|check|select, hint, value, required,
 * options, more}]. `submit(values)` does the work; what it throws is shown and nothing is lost.
 * Answers what `submit` gave, or null when the person closed the dialog.
 */
export function ask({ title, text, fields = [], button, tone = "", submit }) {
  return new Promise((resolve) => {
    const problem = h("div", { dataset: { part: "problem" } });
    const plain = fields.filter((field) => !field.more).map(formField);
    const folded = fields.filter((field) => field.more).map(formField);
    const send = h("button", { class: `button primary ${tone}`, type: "submit" }, button);
    const form = h("form", { method: "dialog", novalidate: true },
      h("div", { class: "dialog-head" }, h("h2", { id: "dialog-title" }, title),
        h("button", { class: "button plain icon-only", type: "button", value: "close",
          "aria-label": "Close" }, icon("cross"))),
      h("div", { class: "dialog-body" }, text && h("p", null, text), problem, plain,
        folded.length > 0 && h("details", { class: "more" }, h("summary", null, "More settings"), folded)),
      h("div", { class: "dialog-foot" },
        h("button", { class: "button", type: "button", value: "close" }, "Cancel"), send));
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
    const opener = document.activeElement;
    let answer = null;
    form.addEventListener("click", (event) => {
      if (event.target.closest("button[value=close]")) dialog.close();
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (send.getAttribute("aria-busy") === "true") return;
      if (!fieldsComplete(form, fields)) return;
      send.setAttribute("aria-busy", "true");
      try {
        answer = await submit(valuesOf(form, fields));
        dialog.close();
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        showProblem(form, problem, error);
      } finally {
        send.removeAttribute("aria-busy");
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (opener?.isConnected) opener.focus();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    (form.querySelector("[autofocus]") ?? form.querySelector(".input") ?? send).focus();
  });
}

function formField(field, index) {
  const id = `field-${field.name}`;
  const shared = { id, name: field.name, "aria-describedby": `${id}-hint ${id}-error` };
  if (field.type === "check") {
    return h("div", { class: "field" }, h("label", { class: "check" },
      h("input", { ...shared, type: "checkbox" }),
      h("span", null, field.label, h("br"), h("span", { class: "hint" }, field.hint ?? ""))));
  }
  const control = controlOf(field, { ...shared, class: "input", required: field.required,
    autofocus: index === 0 && !field.more });
  return h("div", { class: "field" }, h("label", { for: id }, field.label), control,
    h("p", { class: "hint", id: `${id}-hint` }, field.hint ?? ""),
    h("p", { class: "error", id: `${id}-error`, hidden: true }));
}

function controlOf(field, props) {
  if (field.type === "select") {
    const options = field.options.map((option) =>
      h("option", { value: option.value, selected: option.value === field.value }, option.label));
    return h("select", props, options);
  }
  if (field.type === "textarea") return h("textarea", { ...props, rows: 4 }, field.value ?? "");
  return h("input", { ...props, type: "text", value: field.value ?? "", autocomplete: "off",
    spellcheck: "false" });
}

function valuesOf(form, fields) {
  return Object.fromEntries(fields.map((field) => {
    const control = form.elements[field.name];
    return [field.name, field.type === "check" ? control.checked : control.value.trim()];
  }));
}

function fieldsComplete(form, fields) {
  let first = null;
  for (const field of fields) {
    const control = form.elements[field.name];
    const missing = field.required && !control.value.trim();
    if (field.type !== "check") fieldError(control, missing ? "This is needed." : "");
    if (missing) first ??= control;
  }
  first?.focus();
  return !first;
}

function fieldError(control, message) {
  const place = document.getElementById(`${control.id}-error`);
  if (!place) return;
  control.setAttribute("aria-invalid", String(Boolean(message)));
  place.textContent = message;
  place.hidden = !message;
}

function showProblem(form, place, error) {
  render(place, problemPanel(error));
  let first = null;
  for (const [name, message] of Object.entries(error.fields)) {
    const control = form.elements[name];
    if (!control) continue;
    fieldError(control, message);
    control.closest("details")?.setAttribute("open", "");
    first ??= control;
  }
  first?.focus();
}

export function setUpShell() {
  document.getElementById("theme")?.addEventListener("click", () => {
    const root = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const next = (root.dataset.theme ?? system) === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // Not kept: storage is closed to us.
    }
  });
}

const LINES = {
  connecting: ["quiet", "Connecting"],
  live: ["ok", "Live"],
  waiting: ["warn", "Connection lost, trying again"],
  signed_out: ["bad", "Signed out"],
};

/** Show the state of the line in the top bar. */
export function showLine(state) {
  const place = document.getElementById("link-state");
  const [tone, word] = LINES[state];
  place.hidden = false;
  place.dataset.tone = tone;
  place.dataset.state = state;
  place.title = word;
  place.querySelector("span").textContent = word;
  if (state === "signed_out") {
    location.assign(`/login/?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
}
