() => {
  const seen = (element) => element.checkVisibility() && !element.closest(".unseen, .ramp, [aria-hidden=true]");
  const number = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
    return [red, green, blue, alpha];
  };
  const over = ([red, green, blue, alpha], below) =>
    [red, green, blue].map((part, at) => part * alpha + below[at] * (1 - alpha));
  const ground = (element) => {
    if (!element) return [255, 255, 255];
    const own = number(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, ground(element.parentElement));
  };
  const light = (colour) => {
    const linear = (share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
    const [red, green, blue] = colour.map((part) => linear(part / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const contrasts = [];
  for (const element of [...document.querySelectorAll("body *")].filter(seen)) {
    const style = getComputedStyle(element);
    const texts = [...element.childNodes].filter((node) => node.nodeType === 3);
    const text = texts.map((node) => node.data.trim()).join("");
    const below = ground(element);
    if (text && !element.disabled) {
      const least = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
      contrasts.push([`text: ${text}`, contrast(over(number(style.color), below), below), least]);
    }
    if (element.matches("button:not(.main), select")) {
      const edge = number(style.borderTopColor).slice(0, 3);
      contrasts.push([`edge: ${text}`, contrast(edge, ground(element.parentElement)), 3]);
    }
  }
  const parts = [...document.querySelectorAll("button, input, select, a, img, canvas, [role]")].filter(seen);
  const nameless = parts.filter((element) => {
    if (element.matches("img[alt], [role=status], [role=alert]")) return false;
    if (element.closest("[role=img]") && !element.matches("[role=img]")) return false;
    const label = element.labels?.[0]?.textContent ?? "";
    return ![element.getAttribute("aria-label"), element.textContent, label].some((name) => name?.trim());
  });
  return { contrasts, nameless: nameless.map((element) => element.outerHTML) };
};
