// sharp: `each` is one pipeline per file, `clone` its best form: one input, cloned for every file.
import { readFile, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import sharp from "sharp";

const codings = {
  defaults: { jpeg: { quality: 80 }, webp: { quality: 80 } },
  equal: { jpeg: { quality: 80, progressive: true, optimiseCoding: true }, webp: { quality: 80, effort: 4 } },
  lossless: { png: {} },
  animated: { webp: { quality: 80 } },
  "animated-equal": { webp: { quality: 80, effort: 4 } },
};
const [way, coding, out, ...photos] = process.argv.slice(2);
const files = [320, 640, 1280, 1920].flatMap((width) =>
  Object.entries(codings[coding]).map(([format, options]) => ({ width, format, options })),
);

const save = async (pipeline, photo, { width, format, options }) => {
  // JPEG has no alpha: it gets a white ground, as ours does.
  const upright = format === "jpeg" ? pipeline.flatten({ background: "#ffffff" }) : pipeline;
  const content = await upright.resize({ width, withoutEnlargement: true })[format](options).toBuffer();
  await writeFile(join(out, `${basename(photo, extname(photo))}-${width}.${format}`), content);
};

for (const photo of photos) {
  const body = await readFile(photo);
  const opened = () => sharp(body, { animated: coding.startsWith("animated"), limitInputPixels: false }).autoOrient();
  if (way === "each") {
    for (const file of files) await save(opened(), photo, file);
  } else {
    const input = opened();
    await Promise.all(files.map((file) => save(input.clone(), photo, file)));
  }
}
