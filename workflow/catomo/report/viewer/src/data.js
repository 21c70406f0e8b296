// What the page carries: JSON in script elements; binary parts in base64, some of them deflated.

/** Return the content of a script element, and let its text go; null where there is none. */
export function embedded(id) {
  const element = document.getElementById(id);
  if (!element) return null;
  const content = JSON.parse(element.textContent);
  element.textContent = "";
  return content;
}

/** Return the bytes of a text in base64. */
export function bytesOf(text) {
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}

/** Return the bytes of deflated data in base64. */
export async function inflated(text) {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Let the browser keep a file. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Return red, green and blue of a colour #rrggbb. */
export function rgb(colour) {
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
}
