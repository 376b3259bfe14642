// @ts-check
/* For browsers that know no modules: plain old JavaScript, so that they can read it. */
if (location.pathname !== "/unsupported" && /^\/(sit|me|proctor)(\/|$)/.test(location.pathname)) {
  location.replace("/unsupported");
}
