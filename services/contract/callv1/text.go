package callv1

// RoleSystem is the role of a TextLine that nobody types: a sentence of the service's to the desk.
const RoleSystem = "system"
