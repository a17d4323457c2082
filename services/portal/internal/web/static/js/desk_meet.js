// A call or a chat goes on as a video meeting: one request books it, the citizen gets the link, and the new conversation follows
// the old one.
import { $, api, failed, open, t, tell, write } from "./lib.js";

/**
 * book opens a meeting now, or gives the one that goes on from the same conversation: the links of who booked it and of the
 * citizen, and whether the citizen is told by a message.
 */
export async function book({ follows, area, caseNumber, citizen }) {
  const m = await api("POST", "/api/v1/meetings", {
    title: t("desk.inq.video.topic"), service_area: area.id, follows, case_number: caseNumber || undefined,
    choices: { transcript: Boolean(area.allow_transcript), ai_note: Boolean(area.allow_transcript && area.allow_ai_note), recording: false },
    participants: [{ role: "citizen", state: "", ...citizen }],
  });
  const who = (role) => m.participants.find((p) => p.role === role);
  const mine = m.participants.find((p) => p.user && p.user === document.documentElement.dataset.user) ?? who("caseworker");
  const reached = (how) => Boolean(citizen[how]) && citizen[how] === who("citizen")[how];
  return { mine: mine.link, citizens: who("citizen").link, told: reached("phone") || reached("email") };
}

/**
 * meet books what `of` tells, shows the links, and says how the citizen's one reaches them: send gives it to the citizen of a
 * chat; of a call it goes as a message to the number or address that is written first.
 */
export async function meet(of, send) {
  const d = $("meet-dialog");
  const show = (booked) => {
    for (const [id, on] of Object.entries({ "meet-before": !booked && !send, "meet-start": !booked && !send, "meet-after": booked, "meet-go": booked, "meet-copy": booked })) $(id).hidden = !on;
  };
  const start = async (citizen) => {
    write($("meet-error"), "");
    $("meet-start").disabled = true;
    try {
      const links = await book({ ...of, citizen });
      $("meet-link").value = links.citizens;
      $("meet-go").href = links.mine;
      show(true);
      write($("meet-done"), t(`desk.meet.done.${send ? "chat" : links.told ? "sent" : "none"}`));
      $("meet-go").focus();
      await send?.(links.citizens);
    } catch (err) {
      write($("meet-error"), err.message);
      if (send && $("meet-link").value) write($("meet-done"), t("desk.meet.done.none")); // booked, but not sent
    }
    $("meet-start").disabled = false;
  };
  $("meet-phone").value = of.citizen.phone ?? "";
  $("meet-email").value = "";
  $("meet-link").value = "";
  write($("meet-error"), "");
  write($("meet-done"), "");
  show(false);
  d.querySelector("form").onsubmit = (e) => {
    e.preventDefault();
    const value = (id) => $(id).value.trim() || undefined;
    start({ name: of.citizen.name, phone: value("meet-phone"), email: value("meet-email") });
  };
  const closed = open(d);
  if (send) await start(of.citizen);
  await closed;
}

$("meet-copy").addEventListener("click", () => navigator.clipboard.writeText($("meet-link").value).then(() => tell(t("meetings.copied"))).catch(failed));
