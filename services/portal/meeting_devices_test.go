package portal

import (
	"context"
	"testing"

	cdp "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"samtale.dk/samtale/services/contract/meetingv1"
)

// before runs a script in every page before its own.
func (b *page) before(script string) {
	b.t.Helper()
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := cdp.AddScriptToEvaluateOnNewDocument(script).Do(ctx)
		return err
	}))
}

// A browser without WebRTC, as WebKitGTK is built for Debian, says so, names the other ways, and lets one write.
func TestMeetingWithoutWebRTC(t *testing.T) {
	for _, l := range []string{"da", "en"} {
		t.Run(l, func(t *testing.T) {
			p := start(t)
			r := serveMeeting(t, p, meetingv1.RoleCitizen)
			r.be(func(me *meetingv1.Participant) { me.DialCode = "123456789" })
			r.mu.Lock()
			r.entry.Meeting.DialNumber = "+4570123456"
			r.mu.Unlock()
			b := chromium(t, p)
			b.before(`delete window.RTCPeerConnection`)
			b.language(l)
			b.open("/moede/" + demoMeeting + "/secret")
			b.step("cannot")
			b.until(`["+4570123456", "123 456789"].every((x) => document.getElementById("m-cannot").innerText.includes(x))`)
			b.checked("meeting-cannot-" + l)
			b.tabTo("#m-chat-only")
			b.key(kb.Enter)
			b.step("info")
			b.run(chromedp.SendKeys("#m-name", "Bente Holm"))
			b.click(`[name="m-transcribe"]`)
			b.click("#m-knock")
			b.step("lobby")
			b.until(`document.getElementById("meeting").dataset.events === "on"`)
			r.move(t, p, meetingv1.InRoom)
			b.until(`!document.getElementById("m-silent").hidden && document.getElementById("m-chat").innerText.includes("Velkommen") && document.getElementById("m-b-mic").hidden`)
			b.checked("meeting-silent-" + l)
			b.run(chromedp.SendKeys("#m-text", "Jeg kan kun skrive"+kb.Enter))
			b.until(`document.getElementById("m-chat").innerText.includes("Jeg kan kun skrive")`)
		})
	}
}

// blurring gives the page's cameras the capability, as Chromium has it where the system can blur. The picture stays as it is.
const blurring = `(() => {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.blurs = [];
  navigator.mediaDevices.getUserMedia = async (want) => {
    const stream = await real(want);
    for (const track of stream.getVideoTracks()) {
      const state = { on: false, ways: [false, true] };
      const [capabilities, settings] = [track.getCapabilities.bind(track), track.getSettings.bind(track)];
      track.getCapabilities = () => ({ ...capabilities(), backgroundBlur: state.ways });
      track.getSettings = () => ({ ...settings(), backgroundBlur: state.on });
      track.applyConstraints = async (c) => { state.on = c.backgroundBlur; };
      window.blurs.push({ track, state });
    }
    return stream;
  };
})()`

// The background is blurred where the camera says that it can be: chosen once, it holds for the next camera and the next meeting.
// A system that forces it is shown as such. The capability is put in place by the test.
func TestMeetingBlursTheBackground(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCitizen)
	b := chromium(t, p)
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("check")
	b.until(`document.documentElement.dataset.ready === "meeting" && document.getElementById("m-blur-part").hidden && document.getElementById("m-blur-state").textContent !== ""`)
	b.before(blurring)
	b.open("/moede/" + demoMeeting + "/secret")
	b.until(`document.documentElement.dataset.ready === "meeting" && !document.getElementById("m-blur-part").hidden && !document.getElementById("m-blur").checked`)
	b.checked("meeting-blur")
	b.tabTo("#m-blur")
	b.key(" ")
	b.until(`window.blurs.at(-1).state.on && document.getElementById("m-blur").checked`)
	b.run(chromedp.Evaluate(`document.getElementById("m-camera").dispatchEvent(new Event("change"))`, nil))
	b.until(`window.blurs.length === 2 && window.blurs[1].state.on && document.getElementById("m-blur").checked`)
	r.be(func(me *meetingv1.Participant) { me.State = meetingv1.InRoom })
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("room")
	b.until(`window.blurs[0]?.state.on && document.getElementById("m-b-blur").getAttribute("aria-pressed") === "true"`)
	b.tabTo("#m-b-blur")
	b.key(kb.Enter)
	b.until(`!window.blurs[0].state.on && document.getElementById("m-b-blur").getAttribute("aria-pressed") === "false"`)
	b.checked("meeting-blur-room")
	b.run(chromedp.Evaluate(`Object.assign(window.blurs[0].state, { on: true, ways: [true] }); window.blurs[0].track.dispatchEvent(new Event("configurationchange"))`, nil))
	b.until(`document.getElementById("m-b-blur").hidden && document.getElementById("m-blur-state").textContent.includes("slører")`)
}

// Who is logged in as whose seat it is goes on here, and the device before has a word of it and a way back.
func TestMeetingGoesOnOnAnotherDevice(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCaseworker)
	r.mu.Lock()
	r.entry.Elsewhere = true
	r.mu.Unlock()
	b := chromium(t, p)
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("second")
	b.checked("meeting-second")
	r.be(func(me *meetingv1.Participant) { me.State = meetingv1.InRoom })
	b.tabTo("#m-take")
	b.key(kb.Enter)
	b.step("room")
	r.mu.Lock()
	taken := r.taken
	r.mu.Unlock()
	if !taken {
		t.Error("the seat was not asked for")
	}
	b.until(`document.getElementById("meeting").dataset.events === "on"`)
	r.tell(t, p, meetingv1.RoomEvent{Kind: meetingv1.EventNotice, To: "me", Device: "dev", Notice: "elsewhere"})
	b.step("over")
	b.checked("meeting-moved")
	b.tabTo("#m-again")
	b.key(kb.Enter) // back again
	b.step("room")
}
