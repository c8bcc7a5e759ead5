//===- OnnxSchema.cpp - Every version of every ONNX operator ----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Support/OnnxSchema.h"

#include "llvm/ADT/STLExtras.h"

using namespace llvm;
using namespace secateur;

/// Sorted by name, then by version.
static constexpr OnnxSchema kSchemas[] = {
#include "OnnxSchema.inc"
};
static constexpr OnnxSchema kMicrosoftSchemas[] = {
#include "MicrosoftSchema.inc"
};

static ArrayRef<OnnxSchema> findVersions(StringRef name, StringRef domain = "") {
  ArrayRef<OnnxSchema> all = domain.empty()              ? ArrayRef(kSchemas)
                             : domain == "com.microsoft" ? ArrayRef(kMicrosoftSchemas)
                                                         : ArrayRef<OnnxSchema>();
  const OnnxSchema *first = llvm::lower_bound(
      all, name, [](const OnnxSchema &schema, StringRef wanted) { return schema.name < wanted; });
  const OnnxSchema *last = first;
  while (last != all.end() && last->name == name)
    ++last;
  return ArrayRef<OnnxSchema>(first, last);
}

const OnnxSchema *secateur::findOnnxSchema(StringRef name, int64_t opset, StringRef domain) {
  const OnnxSchema *found = nullptr;
  for (const OnnxSchema &schema : findVersions(name, domain))
    if (schema.since <= opset)
      found = &schema;
  return found;
}

const OnnxSchema *secateur::findOldestOnnxSchema(StringRef name) {
  ArrayRef<OnnxSchema> versions = findVersions(name);
  return versions.empty() ? nullptr : &versions.front();
}

void OnnxSchema::forEachAttribute(llvm::function_ref<void(const OnnxAttribute &)> callback) const {
  StringRef rest = attributes;
  while (!rest.empty()) {
    StringRef text;
    std::tie(text, rest) = rest.split(' ');
    OnnxAttribute attribute;
    StringRef kind;
    std::tie(attribute.name, kind) = text.split(':');
    attribute.kind = kind.front();
    kind = kind.drop_front();
    attribute.required = kind == "!";
    if (kind.consume_front("="))
      attribute.defaultValue = kind;
    callback(attribute);
  }
}

std::optional<OnnxAttribute> OnnxSchema::findAttribute(StringRef wanted) const {
  std::optional<OnnxAttribute> found;
  forEachAttribute([&](const OnnxAttribute &attribute) {
    if (attribute.name == wanted)
      found = attribute;
  });
  return found;
}
