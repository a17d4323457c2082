// Keyboard shortcuts: single letters outside text fields, listed on a sheet, and
// possible to switch off (WCAG 2.1.4). The choice is kept in a cookie.
import { $, el, open, t } from "./lib.js";

const cookie = "samtale_keys";

/** shortcuts takes keys with what they do; those without run are only listed. */
export function shortcuts(keys) {
  let on = !document.cookie.includes(`${cookie}=off`);
  const box = el("input", { type: "checkbox", id: "keys-on", checked: on, onchange: () => {
    on = box.checked;
    document.cookie = `${cookie}=${on ? "on" : "off"}; path=/; max-age=31536000; samesite=lax`;
  } });
  const all = [...keys, { key: "?", does: t("keys.sheet"), run: () => sheet() }];
  $("keys-list").replaceChildren(...all.map((k) => el("tr", {}, el("td", {}, el("kbd", {}, k.key.length === 1 ? k.key.toUpperCase() : k.key)), el("td", {}, k.does))));
  $("keys-list").closest("table").after(el("p", { class: "check" }, box, el("label", { for: "keys-on" }, t("keys.on"))));
  const sheet = () => open($("keys-dialog"));
  $("keys-open").addEventListener("click", sheet);
  addEventListener("keydown", (e) => {
    if (!on || e.ctrlKey || e.metaKey || e.altKey || e.repeat || document.querySelector("dialog[open]")) return;
    if (e.target.closest?.("input:not([type=checkbox]), textarea, select")) return;
    const k = all.find((k) => k.key === e.key.toLowerCase());
    if (!k?.run) return;
    e.preventDefault();
    k.run();
  });
}
