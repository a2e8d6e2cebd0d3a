/** An element of SVG as text: attributes are escaped, numbers have two decimals at most. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: readonly string[]
): string {
  const parts = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${typeof value === "number" ? round(value) : escapeText(value)}"`,
  );
  const open = `<${name}${parts.join("")}`;
  return children.length === 0 ? `${open}/>` : `${open}>${children.join("")}</${name}>`;
}

export function text(
  content: string,
  attributes: Readonly<Record<string, string | number>>,
): string {
  return element("text", attributes, escapeText(content));
}

export function escapeText(content: string): string {
  return content
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function round(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`${value} has no place in a drawing`);
  return String(Math.round(value * 100) / 100);
}
