// The operator's page shows the state when it was made; it asks again by itself while
// nobody is working in it.
setInterval(() => {
  if (document.visibilityState === "visible" && document.activeElement === document.body && scrollY === 0) location.reload();
}, 30000);
document.documentElement.dataset.ready = "operations";
