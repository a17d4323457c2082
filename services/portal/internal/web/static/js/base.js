// On every page: tells the server that somebody is at work, warns before the session ends, and says so when it has.
import { $, api, t, tell, write, span } from "./lib.js";

let warnAt = 5 * 60; // seconds before the end (WCAG 2.2.1 asks for at least 20)
const left = Number(document.documentElement.dataset.left);

if (left) {
  let ends = Date.now() + left * 1000;
  const dialog = $("session-dialog");
  // An answer is needed; browsers let Escape close any dialog sooner or later.
  let answered = false;
  dialog.addEventListener("close", () => !answered && dialog.showModal());
  const close = () => {
    answered = true;
    dialog.close();
  };

  const loggedOut = () => {
    close();
    if (!$("login-dialog").open) $("login-dialog").showModal();
  };
  document.addEventListener("samtale:logged-out", loggedOut);

  const warn = () => {
    if (dialog.open) return;
    answered = false;
    dialog.showModal();
  };

  const look = async (path, method) => {
    const me = await api(method, path);
    ends = new Date(me.expires).getTime();
    if (ends - Date.now() > warnAt * 1000) close();
  };
  $("session-stay").addEventListener("click", async () => {
    await look("/api/v1/session/extend", "POST").catch(() => {});
    warnAt = Math.min(warnAt, (ends - Date.now()) / 2000); // where sessions are short, not again at once
    if (!$("login-dialog").open) close();
  });

  // What pages ask for by themselves does not extend a session. Keys, clicks and talks do; the server is told of them now and then.
  const every = Math.min(60000, left * 100); // ms
  let told = Date.now();
  const acted = () => {
    if (Date.now() - told < every || dialog.open || $("login-dialog").open) return;
    told = Date.now();
    look("/api/v1/session/extend", "POST").catch(() => {});
  };
  for (const name of ["keydown", "pointerdown", "wheel"]) addEventListener(name, (e) => e.isTrusted && acted(), { capture: true, passive: true });
  document.addEventListener("samtale:at-work", acted);

  // People log in again beside this page, which keeps what they have typed.
  const back = async () => {
    if (document.hidden || !$("login-dialog").open) return;
    const r = await fetch("/api/v1/me").catch(() => undefined);
    if (!r?.ok) return;
    const me = await r.json();
    if (me.id !== document.documentElement.dataset.user) { // another person's page
      location.reload();
      return;
    }
    ends = new Date(me.expires).getTime();
    told = Date.now();
    $("login-dialog").close();
    tell(t("session.back"));
  };
  addEventListener("focus", back);
  document.addEventListener("visibilitychange", back);

  setInterval(() => {
    const s = (ends - Date.now()) / 1000;
    if (s > warnAt) return;
    write($("session-text"), t("session.text", { left: span(s) }));
    if (!dialog.open && s > 0) {
      // Another tab or a save may have extended the session since.
      look("/api/v1/me", "GET").then(() => ends - Date.now() <= warnAt * 1000 && warn()).catch(() => {});
    }
    if (s <= 0) loggedOut();
  }, 5000);
}
