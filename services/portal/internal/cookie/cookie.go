// Package cookie makes the portal's cookies, all of them out of scripts' reach.
package cookie

import "net/http"

// host begins the names of cookies that browsers take from this very host alone, over TLS and for all paths: a sibling subdomain can
// neither set one nor put one in its place. Over plain HTTP browsers refuse them.
//
// The language (samtale_lang) and what scripts keep (samtale_keys, samtale_suggest) go without: they are choices of how a page looks,
// and give nobody any right.
const host = "__Host-"

// Name is what a cookie is called; secure says that the portal is reached over TLS.
func Name(secure bool, name string) string {
	if secure {
		return host + name
	}
	return name
}

// Set sets a cookie for so many seconds: 0 is until the browser ends, less than 0 deletes it.
func Set(w http.ResponseWriter, secure bool, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: Name(secure, name), Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteLaxMode, // the identity provider sends people back from another site
	})
}

// Get is a cookie's value, "" when there is none.
func Get(r *http.Request, secure bool, name string) string {
	c, err := r.Cookie(Name(secure, name))
	if err != nil {
		return ""
	}
	return c.Value
}
