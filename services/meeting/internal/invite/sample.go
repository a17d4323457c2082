package invite

import (
	"cmp"
	"slices"
	"time"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
)

// Texts are a set-up's invitation and what is to be known beforehand in a language. An invitation that the set-up does not have in
// English is empty: then a letter has one that fits every meeting.
func Texts(s meetingv1.Setup, language string) (invitation, info string) {
	if in(language).code == "en" {
		return s.InvitationEN, cmp.Or(s.InfoEN, s.Info)
	}
	return s.Invitation, s.Info
}

// Sample is an invitation by a set-up to an imagined meeting in a week, as the citizen gets it.
func Sample(s meetingv1.Setup, language string, from Sender, public string, now time.Time) (meetingv1.Preview, error) {
	id := event.NewID(now)
	day := now.In(Copenhagen()).AddDate(0, 0, 7)
	l := Letter{
		ID: id, Kind: Invitation, From: from, Now: now, Link: public + "/moede/" + id + "/…",
		Meeting: meetingv1.Meeting{
			ID: id, Title: s.Name, Minutes: s.Minutes, Choices: s.Choices, Identity: s.Identity,
			StartsAt: time.Date(day.Year(), day.Month(), day.Day(), 10, 0, 0, 0, day.Location()),
		},
		To: meetingv1.Participant{Role: meetingv1.RoleCitizen, Language: language},
	}
	if language == "en" {
		l.Meeting.Title = cmp.Or(s.NameEN, s.Name)
	}
	if i := slices.IndexFunc(s.Participants, func(p meetingv1.Seat) bool { return p.Role == meetingv1.RoleCitizen }); i >= 0 {
		l.To.Name = s.Participants[i].Label
	}
	l.Text, l.Info = Texts(s, language)
	m, err := Write(l)
	return meetingv1.Preview{Language: language, Subject: m.Subject, Body: m.Body, SMS: m.SMS}, err
}
