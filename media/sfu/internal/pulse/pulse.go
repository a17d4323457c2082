// Package pulse waits in even steps. On Linux it does so without the runtime's timers: while one of those is due soon, each wait of the
// whole process for its sockets is one with a limit, which must be set and taken back for every datagram that wakes it, and the
// runtime's monitor wakes for it too.
package pulse
