/*===- classify.c - A compiled model, linked into a C program ---------------===//
 * SPDX-License-Identifier: Apache-2.0
 *===----------------------------------------------------------------------===//
 *
 * usage: classify [IMAGE.raw]: 28 x 28 pixels of one byte, 255 being ink. Without a
 * file, a blank image.
 *===----------------------------------------------------------------------===*/

#include <secateur.h>

#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 28, CLASSES = 10 };

int main(int argc, char **argv) {
  unsigned char pixels[SIDE * SIDE] = {0};
  float image[SIDE * SIDE], scores[CLASSES];
  if (argc > 1) {
    FILE *file = fopen(argv[1], "rb");
    if (!file || fread(pixels, 1, sizeof(pixels), file) != sizeof(pixels)) {
      fprintf(stderr, "classify: cannot read %d bytes from '%s'\n", SIDE * SIDE, argv[1]);
      return 1;
    }
    fclose(file);
  }
  for (int i = 0; i < SIDE * SIDE; ++i) /* As the model was trained. */
    image[i] = (pixels[i] / 255.0f - 0.1307f) / 0.3081f;

  SecateurContext *context;
  SecateurStatus status = secateur_create(NULL, &context);
  if (!status) {
    /* By position: name is NULL. */
    SecateurTensor input = {NULL, image, sizeof(image), SECATEUR_F32, 4, {1, 1, SIDE, SIDE}};
    SecateurTensor output = {NULL, scores, sizeof(scores), SECATEUR_F32, 0, {0}};
    status = secateur_run(context, &input, 1, &output, 1);
  }
  if (status) {
    fprintf(stderr, "classify: %s\n", secateur_last_error(context));
    secateur_destroy(context);
    return 1;
  }
  secateur_destroy(context);

  int best = 0;
  for (int i = 0; i < CLASSES; ++i) {
    printf("%d: %8.4f\n", i, scores[i]);
    if (scores[i] > scores[best])
      best = i;
  }
  printf("this is a %d\n", best);
  return 0;
}
