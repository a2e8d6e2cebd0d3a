/** The form's conditions: a field, its values, and what helps to fill them in. */
import { $, make } from "/dom.js";

const KINDS = {
  exact: "Whole values; several are alternatives.",
  set: "Any of its values; several are alternatives.",
  text: "Words, or a phrase; several are alternatives.",
  range: "A number; both bounds count.",
};

/** The names that a filter of a stream may have. */
function membersOf(stream) {
  return stream.fields.flatMap(({ name, kind }) =>
    kind === "range" ? [`min_${name}`, `max_${name}`] : [name],
  );
}

function fieldOf(stream, member) {
  return stream.fields.find(
    ({ name, kind }) => (kind === "range" ? member.slice(4) : member) === name,
  );
}

/** What newcomers ask for first (hashtags, addresses, sides of a conversation), then what is left. */
function nextMember(stream) {
  const used = new Set([...$("conditions").querySelectorAll("select")].map(({ value }) => value));
  const sets = stream.fields.filter(({ kind }) => kind === "set").map(({ name }) => name);
  return [...sets.slice(0, 1), ...membersOf(stream)].find((member) => !used.has(member));
}

/**
 * Adds a condition on a field of a stream.
 *
 * @param edited called whenever the filter that the form means is another one
 * @param settled called when a value was given to the end
 * @param given the member and values that it begins with, where they are known
 */
export function addCondition(stream, edited, settled, given) {
  const select = make("select", { "aria-label": "Field" });
  for (const member of membersOf(stream)) select.append(make("option", { value: member }, member));
  select.value = given?.member ?? nextMember(stream) ?? select.value;
  const input = make("input", {
    type: "text",
    "aria-label": "Values, separated by commas",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
  });
  const remove = make(
    "button",
    { type: "button", class: "remove quiet", "aria-label": "Remove this field" },
    "×",
  );
  const help = make("div", { class: "help" });
  const row = make("div", { class: "condition" }, select, input, remove, help);
  const put = (value) => {
    input.value = value;
    input.dispatchEvent(new Event("input"));
    settled();
  };
  const show = () => {
    const field = fieldOf(stream, select.value);
    input.placeholder = field?.example ?? "";
    help.replaceChildren(...helpOf(field, () => input.value, put));
    edited();
  };
  select.addEventListener("change", () => {
    input.value = "";
    input.removeAttribute("aria-invalid");
    show();
    settled();
  });
  input.addEventListener("input", () => {
    input.removeAttribute("aria-invalid");
    for (const chip of help.querySelectorAll("button"))
      chip.setAttribute("aria-pressed", String(valuesOf(input.value).includes(chip.value)));
    edited();
  });
  input.addEventListener("change", settled);
  remove.addEventListener("click", () => {
    row.remove();
    edited();
    settled();
  });
  $("conditions").append(row);
  input.value = given?.values ?? "";
  show();
  input.dispatchEvent(new Event("input"));
}

/** Whether a stream's filter may have a member of that name. */
export function hasMember(stream, member) {
  return membersOf(stream).includes(member);
}

/** What a field is, and values to choose: all that there are, or an example. */
function helpOf(field, current, put) {
  if (field === undefined) return [];
  const { description, kind, example, values } = field;
  const toggle = (value) => {
    const given = valuesOf(current());
    const without = given.filter((one) => one !== value);
    put((without.length < given.length ? without : [...given, value]).join(", "));
  };
  const chips = (values ?? [example]).map((value) => {
    const chip = make("button", { type: "button", value, "aria-pressed": "false" }, short(value));
    chip.addEventListener("click", () => toggle(value));
    return chip;
  });
  return [
    make("p", { class: "hint" }, `${description} ${KINDS[kind] ?? ""}`),
    make("p", { class: "chips" }, values === undefined ? "For example " : "", ...chips),
  ];
}

function short(value) {
  return value.length > 24 ? `${value.slice(0, 10)}…${value.slice(-6)}` : value;
}

function valuesOf(text) {
  return text
    .split(",")
    .map((value) => value.trim())
    .filter((value) => value !== "");
}

/** The rule that the form means. */
export function filters() {
  const rule = {};
  for (const row of $("conditions").children) {
    const member = row.querySelector("select").value;
    const values = valuesOf(row.querySelector("input").value);
    if (values.length === 0) continue;
    if (/^(min|max)_/.test(member)) rule[member] = values[0];
    else rule[member] = [...(rule[member] ?? []), ...values];
  }
  return rule;
}

/** Tells what is wrong, at the fields that it is about; undefined takes it back. */
export function showError(error) {
  const box = $("form-error");
  box.hidden = error === undefined;
  if (error === undefined) return;
  box.textContent = error.message;
  for (const { path = "", did_you_mean: meant } of error.errors ?? []) {
    const [, , member] = path.split("/");
    for (const row of $("conditions").children) {
      if (row.querySelector("select").value === member)
        row.querySelector("input").setAttribute("aria-invalid", "true");
    }
    if (meant !== undefined) box.append(` Did you mean ${meant}?`);
  }
}
