// On every page: warns before the session ends, and says so when it has.
import { $, api, t, write, span } from "./lib.js";

const warnAt = 5 * 60; // seconds before the end (WCAG 2.2.1 asks for at least 20)
const left = Number(document.documentElement.dataset.left);

if (left) {
  let ends = Date.now() + left * 1000;
  const dialog = $("session-dialog");
  dialog.addEventListener("cancel", (e) => e.preventDefault()); // an answer is needed

  const loggedOut = () => {
    dialog.close();
    if (!$("login-dialog").open) $("login-dialog").showModal();
  };
  document.addEventListener("samtale:logged-out", loggedOut);

  const look = async (path, method) => {
    const me = await api(method, path);
    ends = new Date(me.expires).getTime();
    if (ends - Date.now() > warnAt * 1000) dialog.close();
  };
  $("session-stay").addEventListener("click", () => look("/api/v1/session/extend", "POST").catch(() => {}));

  setInterval(() => {
    const s = (ends - Date.now()) / 1000;
    if (s > warnAt) return;
    write($("session-text"), t("session.text", { left: span(s) }));
    if (!dialog.open && s > 0) {
      // Another tab or a save may have extended the session since.
      look("/api/v1/me", "GET").then(() => ends - Date.now() <= warnAt * 1000 && dialog.showModal()).catch(() => {});
    }
    if (s <= 0) loggedOut();
  }, 5000);
}
