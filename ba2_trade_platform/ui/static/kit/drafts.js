// What is typed into a form (an element with data-draft) is kept by this tab until it is saved or discarded: a page that is loaded
// anew, because the machine slept or the console was started again, knows nothing more of it. Secrets are never kept. Of what is
// chosen the console knows (drafts.py): it is told what was kept, by the event `draft`, whenever the form has other controls.
const DRAFT = "ba2-draft ";
const TYPES = ["", "text", "number", "search", "date", "time", "datetime-local", "email"];
const drafts = new Map(); // by form: its key, the values before, and what is still to be restored
const closed = new Map(); // keys of forms that are gone, by their ids: what they did may be told later
const keyOf = (form) => `${DRAFT}${location.pathname} ${form.dataset.draft}`;
const load = (key) => {
  try { return JSON.parse(sessionStorage.getItem(key)); } catch { return null; }
};
const store = (key, draft) => {
  try {
    if (draft && (Object.keys(draft.fields).length || Object.keys(draft.choices ?? {}).length)) sessionStorage.setItem(key, JSON.stringify(draft));
    else sessionStorage.removeItem(key);
  } catch { /* a browser that keeps nothing, or no more */ }
};
const isTyped = (field) => (field.tagName === "TEXTAREA" || TYPES.includes(field.type))
  && !field.readOnly && !field.disabled && !field.closest(".q-select, .q-uploader, [data-no-draft]");
const fieldsOf = (form) => {
  const fields = new Map();
  for (const field of form.querySelectorAll("input, textarea")) {
    if (!isTyped(field)) continue;
    const name = field.ariaLabel || field.placeholder;
    let place = 1;
    while (fields.has(`${name} ${place}`)) place += 1;
    fields.set(`${name} ${place}`, field);
  }
  return fields;
};
const type = (field, value) => {
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
};
const keep = (form) => {
  const known = drafts.get(form);
  if (!known) return;
  const draft = { open: true, fields: Object.fromEntries(known.pending), choices: known.choices };
  for (const [name, field] of fieldsOf(form)) {
    if (!known.before.has(name)) known.before.set(name, field.defaultValue);
    if (field.value !== known.before.get(name)) draft.fields[name] = field.value;
  }
  store(known.key, draft);
};
const restore = (form, known) => {
  for (const [name, field] of fieldsOf(form)) {
    if (!known.before.has(name)) known.before.set(name, field.value);
    if (!known.pending.has(name)) continue;
    const value = known.pending.get(name);
    known.pending.delete(name);
    if (field.value === value) continue;
    form.dataset.draftRestored = "";
    type(field, value);
  }
};
const signalDraft = (form, detail) => form.dispatchEvent(new CustomEvent("draft", { detail }));
const tellOfChoices = (form, known) => {
  const controls = form.querySelectorAll(".q-select, .q-btn-toggle, [role=checkbox], [role=switch], [role=radio]").length;
  if (controls === known.controls) return;
  known.controls = controls;
  signalDraft(form, known.choices);
};
const announce = () => {
  const note = document.querySelector("[data-draft-kept]");
  if (!note) return;
  const here = `${DRAFT}${location.pathname} `, shown = new Set([...drafts.values()].map(({ key }) => key));
  const names = Object.keys(sessionStorage).filter((key) => key.startsWith(here) && !shown.has(key) && load(key)?.open)
    .map((key) => key.slice(here.length));
  const words = names.join(", ");
  const name = note.querySelector("[data-draft-names]");
  if (name && name.textContent !== words) name.textContent = words;
  note.classList.toggle("ba2-gone", !names.length);
};
const look = () => {
  for (const form of document.querySelectorAll("[data-draft]")) {
    if (!drafts.has(form)) {
      const key = keyOf(form), draft = load(key);
      drafts.set(form, { key, before: new Map(), pending: new Map(Object.entries(draft?.fields ?? {})),
        choices: draft?.choices ?? {}, restores: Object.keys(draft?.choices ?? {}).length > 0, controls: 0 });
      if (draft && !draft.open) store(key, { ...draft, open: true });
    }
    restore(form, drafts.get(form));
    tellOfChoices(form, drafts.get(form));
  }
  for (const [form, { key }] of drafts) {
    if (form.isConnected) continue;
    drafts.delete(form); // closed by a person, who can open it again
    closed.set(form.id, key);
    const draft = load(key);
    if (draft) store(key, { ...draft, open: false });
  }
  announce();
};
const forget = (form) => {
  const known = drafts.get(form);
  if (!known) return;
  store(known.key, null);
  known.pending.clear();
  known.choices = {};
  known.restores = false;
  for (const [name, field] of fieldsOf(form)) known.before.set(name, field.value);
  delete form.dataset.draftRestored;
};
const discard = (form) => {
  const known = drafts.get(form);
  for (const [name, field] of fieldsOf(form)) if (known?.before.has(name)) type(field, known.before.get(name));
  forget(form);
  signalDraft(form, null);
};
document.addEventListener("input", ({ target }) => {
  const form = target.closest?.("[data-draft]");
  if (form && isTyped(target)) keep(form);
});
document.addEventListener("click", ({ target }) => {
  if (target.closest?.("[data-draft-discard]")) discard(target.closest("[data-draft]"));
  if (!target.closest?.("[data-draft-discard-kept]")) return;
  const here = `${DRAFT}${location.pathname} `, shown = new Set([...drafts.values()].map(({ key }) => key));
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(here) && !shown.has(key)) store(key, null);
  announce();
});
window.ba2KeepChoices = (id, choices) => {
  for (const [form, known] of drafts) {
    if (form.id !== id) continue;
    known.choices = choices;
    if (known.restores) form.dataset.draftRestored = "";
    known.restores = false;
    keep(form);
  }
};
window.ba2ForgetDraft = (id) => {
  for (const form of drafts.keys()) if (form.id === id) forget(form);
  if (closed.has(id)) store(closed.get(id), null);
};
new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true });
look();
