// sharp: `each` is one pipeline per file, `clone` its best form: one input, cloned for every file.
import { readFile, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import sharp from "sharp";

const [way, out, ...photos] = process.argv.slice(2);
const files = [320, 640, 1280, 1920].flatMap((width) => ["jpeg", "webp"].map((format) => ({ width, format })));

const save = async (pipeline, photo, { width, format }) => {
  const content = await pipeline.resize({ width, withoutEnlargement: true })[format]({ quality: 80 }).toBuffer();
  await writeFile(join(out, `${basename(photo, extname(photo))}-${width}.${format}`), content);
};

for (const photo of photos) {
  const body = await readFile(photo);
  if (way === "each") {
    for (const file of files) await save(sharp(body).autoOrient(), photo, file);
  } else {
    const input = sharp(body).autoOrient();
    await Promise.all(files.map((file) => save(input.clone(), photo, file)));
  }
}
