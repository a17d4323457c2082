package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestVerified has a meeting that asks for a level of login: who is logged in on a lower one is told so and stays outside; who comes
// with a proven name and a mandate is shown with both, and finds the meeting among their own conversations afterwards.
func TestVerified(t *testing.T) {
	s := start(t)
	link := s.proven("substantial", "citizen")
	silence := t.TempDir() + "/silence.wav"
	writeWAV(t, silence, make([]int16, 8000*60))
	host := newBrowser(s, silence)
	host.login("mette", "/moeder")
	host.await("the page of meetings", `document.documentElement.dataset.ready === "meetings"`)
	host.run("the host's link", chromedp.Navigate(link["caseworker"]))
	host.await("the host in the room", inRoom)

	const outside = `document.getElementById("m-knock")?.disabled && document.documentElement.dataset.ready === "meeting"`
	citizen := host.another()
	citizen.run("the link", chromedp.Navigate(link["citizen"]))
	citizen.await("that a login is asked for", outside)
	citizen.click("#m-checked")
	citizen.click(`#m-info a[href*="niveau=substantial"]`)
	citizen.click(`button[value="viggo"]`)
	citizen.await("that the level is too low", outside+` && /niveauet lav.*betydelig/.test(document.getElementById("m-info").textContent)`)
	citizen.click("#m-checked")
	citizen.click(`#m-info a[href*="niveau=substantial"]`)
	citizen.click(`button[value="lone"]`)
	citizen.await("the proven name", `/Lone Holm.*niveau betydelig.*på vegne af Bente Holm/s.test(document.getElementById("m-info")?.textContent)`)
	citizen.click("#m-checked")
	citizen.screenshot("meeting-verified")
	citizen.knock()
	host.await("who waits, as whom and for whom", `/Lone Holm.*niveau betydelig.*på vegne af Bente Holm/s.test(document.getElementById("m-people").textContent)`)
	host.screenshot("meeting-verified-host")
	host.pressAt("Lone Holm", "Luk ind")
	citizen.await("the room", inRoom)
	s.until("the meeting among the own conversations", func() error {
		citizen.run("look", chromedp.Navigate("http://"+s.http+"/mit"))
		return citizen.true(waitLimit, `document.querySelectorAll("main a[href^='/mit/']").length === 1`)
	})
}
