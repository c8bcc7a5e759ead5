//===- PlanFile.cpp - Reading and writing plans -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Pruning/PlanFile.h"

#include "secateur/Support/Sha256.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using secateur::Sha256;
using namespace secateur::pruning;
namespace json = llvm::json;

//===----------------------------------------------------------------------===//
// JSON -> plan
//===----------------------------------------------------------------------===//

/// Found by argument-dependent lookup of llvm::json.
namespace secateur::pruning {

static bool readIndices(const json::Value &value, std::vector<int64_t> &indices, json::Path path) {
  if (!json::fromJSON(value, indices, path))
    return false;
  if (indices.empty()) {
    path.report("expected at least one index");
    return false;
  }
  if (llvm::any_of(indices, [](int64_t index) { return index < 0; })) {
    path.report("expected indices of 0 or more");
    return false;
  }
  llvm::sort(indices);
  indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
  return true;
}

static bool readBox(const json::Object &object, PlanSlice &slice, json::Path path) {
  const json::Object *box = object.getObject("box");
  if (!box) {
    path.field("box").report("expected an object of axes");
    return false;
  }
  for (const auto &[name, value] : *box) {
    int64_t axis;
    json::Path here = path.field("box").field(name);
    if (llvm::StringRef(name).getAsInteger(10, axis) || axis < 0) {
      here.report("expected the number of an axis as the key");
      return false;
    }
    if (!readIndices(value, slice.box[axis], here))
      return false;
  }
  if (slice.box.empty()) {
    path.field("box").report("expected at least one axis");
    return false;
  }
  return true;
}

bool fromJSON(const json::Value &value, PlanSlice &slice, json::Path path) {
  json::ObjectMapper mapper(value, path);
  if (!mapper || !mapper.map("initializer", slice.initializer))
    return false;
  const json::Object &object = *value.getAsObject();
  if (const json::Value *fill = object.get("fill")) {
    slice.fill = fill->getAsNumber();
    if (!slice.fill && !fill->getAsNull()) {
      path.field("fill").report("expected a number or null");
      return false;
    }
  }
  if (object.get("box"))
    return readBox(object, slice, path);
  int64_t axis = 0;
  if (!mapper.map("axis", axis))
    return false;
  if (axis < 0) {
    path.field("axis").report("expected 0 or more");
    return false;
  }
  const json::Value *indices = object.get("indices");
  if (!indices) {
    path.field("indices").report("missing value");
    return false;
  }
  return readIndices(*indices, slice.box[axis], path.field("indices"));
}

bool fromJSON(const json::Value &value, PlanStep &step, json::Path path) {
  json::ObjectMapper mapper(value, path);
  std::string kind;
  if (!mapper || !mapper.map("kind", kind))
    return false;
  if (kind != "erase") {
    path.field("kind").report("this version replays steps of kind erase alone");
    return false;
  }
  return mapper.map("group", step.group) && mapper.map("unit", step.unit) &&
         mapper.map("slices", step.slices);
}

bool fromJSON(const json::Value &value, PlanUse &use, json::Path path) {
  json::ObjectMapper mapper(value, path);
  return mapper && mapper.map("node", use.node) && mapper.map("input", use.input);
}

bool fromJSON(const json::Value &value, PlanCopy &copy, json::Path path) {
  json::ObjectMapper mapper(value, path);
  return mapper && mapper.map("initializer", copy.initializer) && mapper.map("of", copy.of) &&
         mapper.map("uses", copy.uses);
}

bool fromJSON(const json::Value &value, PlanRewrite &rewrite, json::Path path) {
  json::ObjectMapper mapper(value, path);
  return mapper && mapper.map("initializer", rewrite.initializer) &&
         mapper.map("kind", rewrite.kind) && mapper.mapOptional("reason", rewrite.reason);
}

bool fromJSON(const json::Value &value, PlanInterface &cut, json::Path path) {
  json::ObjectMapper mapper(value, path);
  if (!mapper || !mapper.map("value", cut.value) || !mapper.map("axis", cut.axis))
    return false;
  const json::Value *indices = value.getAsObject()->get("indices");
  if (!indices) {
    path.field("indices").report("missing value");
    return false;
  }
  return readIndices(*indices, cut.indices, path.field("indices"));
}

bool fromJSON(const json::Value &value, PlanApproximation &approximation, json::Path path) {
  json::ObjectMapper mapper(value, path);
  return mapper && mapper.map("node", approximation.node) &&
         mapper.mapOptional("reason", approximation.reason);
}

static bool fromJSON(const json::Value &value, PlanFile &plan, json::Path path) {
  json::ObjectMapper mapper(value, path);
  int64_t version = 0;
  if (!mapper || !mapper.map("version", version))
    return false;
  if (version != 1) {
    path.field("version").report("expected version 1");
    return false;
  }
  if (const json::Object *model = value.getAsObject()->getObject("model"))
    plan.sha256 = model->getString("sha256").value_or("").str();
  return mapper.map("steps", plan.steps) && mapper.mapOptional("copies", plan.copies) &&
         mapper.mapOptional("rewritten", plan.rewritten) &&
         mapper.mapOptional("interface", plan.interface) &&
         mapper.mapOptional("approximations", plan.approximations) &&
         mapper.mapOptional("gathered", plan.gathered);
}

} // namespace secateur::pruning

static Location fileLocation(llvm::StringRef path, MLIRContext *context) {
  return FileLineColLoc::get(context, path, 0, 0);
}

llvm::FailureOr<PlanFile> secateur::pruning::parsePlan(llvm::StringRef text, llvm::StringRef name,
                                                       MLIRContext *context) {
  llvm::Expected<json::Value> value = json::parse(text);
  if (!value)
    return emitError(fileLocation(name, context))
           << "the plan is not JSON: " << llvm::toString(value.takeError());
  PlanFile plan;
  json::Path::Root root("plan");
  if (!fromJSON(*value, plan, root))
    return emitError(fileLocation(name, context))
           << "the plan is malformed: " << llvm::toString(root.getError());
  return plan;
}

llvm::FailureOr<PlanFile> secateur::pruning::readPlanFile(llvm::StringRef path,
                                                          MLIRContext *context) {
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> buffer =
      llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return emitError(fileLocation(path, context))
           << "the plan cannot be read: " << buffer.getError().message();
  return parsePlan((*buffer)->getBuffer(), path, context);
}

//===----------------------------------------------------------------------===//
// Plan -> JSON
//===----------------------------------------------------------------------===//

static void printIndices(json::OStream &out, llvm::StringRef key, llvm::ArrayRef<int64_t> indices) {
  out.attributeArray(key, [&] {
    for (int64_t index : indices)
      out.value(index);
  });
}

static void printSlice(json::OStream &out, const PlanSlice &slice) {
  out.object([&] {
    out.attribute("initializer", slice.initializer);
    if (slice.box.size() == 1) {
      out.attribute("axis", slice.box.begin()->first);
      printIndices(out, "indices", slice.box.begin()->second);
    } else {
      out.attributeObject("box", [&] {
        for (const auto &[axis, indices] : slice.box)
          printIndices(out, std::to_string(axis), indices);
      });
    }
    if (!slice.fill)
      out.attribute("fill", nullptr);
    else if (double(int64_t(*slice.fill)) == *slice.fill)
      out.attribute("fill", int64_t(*slice.fill));
    else
      out.attribute("fill", *slice.fill);
  });
}

static void printStep(json::OStream &out, const PlanStep &step) {
  out.object([&] {
    out.attribute("kind", "erase");
    out.attribute("group", step.group);
    out.attribute("unit", step.unit);
    out.attributeArray("slices", [&] {
      for (const PlanSlice &slice : step.slices)
        printSlice(out, slice);
    });
  });
}

void secateur::pruning::printCopy(json::OStream &out, const PlanCopy &copy) {
  out.object([&] {
    out.attribute("initializer", copy.initializer);
    out.attribute("of", copy.of);
    out.attributeArray("uses", [&] {
      for (const PlanUse &use : copy.uses)
        out.object([&] {
          out.attribute("node", use.node);
          out.attribute("input", use.input);
        });
    });
  });
}

/// One element a line: plans are read and edited by people.
template <typename T>
static void printLines(llvm::raw_ostream &stream, llvm::StringRef key,
                       const std::vector<T> &elements,
                       llvm::function_ref<void(json::OStream &, const T &)> print) {
  stream << ",\n \"" << key << "\": [";
  for (const auto &[index, element] : llvm::enumerate(elements)) {
    stream << (index ? ",\n  " : "\n  ");
    json::OStream out(stream);
    print(out, element);
  }
  stream << "]";
}

std::string secateur::pruning::printPlan(const PlanFile &plan) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << "{\"version\": 1";
  if (!plan.sha256.empty())
    stream << ",\n \"model\": {\"sha256\": \"" << plan.sha256 << "\"}";
  printLines<PlanStep>(stream, "steps", plan.steps, printStep);
  printLines<PlanCopy>(stream, "copies", plan.copies, printCopy);
  printLines<PlanRewrite>(stream, "rewritten", plan.rewritten,
                          [](json::OStream &out, const PlanRewrite &rewrite) {
                            out.object([&] {
                              out.attribute("initializer", rewrite.initializer);
                              out.attribute("kind", rewrite.kind);
                              out.attribute("reason", rewrite.reason);
                            });
                          });
  printLines<PlanInterface>(stream, "interface", plan.interface,
                            [](json::OStream &out, const PlanInterface &cut) {
                              out.object([&] {
                                out.attribute("value", cut.value);
                                out.attribute("axis", cut.axis);
                                printIndices(out, "indices", cut.indices);
                              });
                            });
  if (!plan.approximations.empty())
    printLines<PlanApproximation>(stream, "approximations", plan.approximations,
                                  [](json::OStream &out, const PlanApproximation &approximation) {
                                    out.object([&] {
                                      out.attribute("node", approximation.node);
                                      out.attribute("reason", approximation.reason);
                                    });
                                  });
  if (!plan.gathered.empty())
    printLines<std::string>(stream, "gathered", plan.gathered,
                            [](json::OStream &out, const std::string &name) { out.value(name); });
  stream << "}\n";
  return text;
}

LogicalResult secateur::pruning::writePlanFile(const PlanFile &plan, llvm::StringRef path,
                                               MLIRContext *context) {
  llvm::Expected<llvm::sys::fs::TempFile> file = llvm::sys::fs::TempFile::create(path + ".%%%%%%");
  if (!file)
    return emitError(fileLocation(path, context))
           << "the plan cannot be written: " << llvm::toString(file.takeError());
  llvm::raw_fd_ostream stream(file->FD, /*shouldClose=*/false);
  stream << printPlan(plan);
  stream.flush();
  if (std::error_code code = stream.error()) {
    stream.clear_error();
    llvm::consumeError(file->discard());
    return emitError(fileLocation(path, context))
           << "the plan cannot be written: " << code.message();
  }
  if (llvm::Error error = file->keep(path))
    return emitError(fileLocation(path, context))
           << "the plan cannot be written: " << llvm::toString(std::move(error));
  return success();
}

llvm::FailureOr<std::string> secateur::pruning::hashFile(llvm::StringRef path,
                                                         MLIRContext *context) {
  auto fail = [&](const llvm::Twine &reason) {
    return emitError(fileLocation(path, context)) << "the file cannot be read: " << reason;
  };
  llvm::Expected<llvm::sys::fs::file_t> file = llvm::sys::fs::openNativeFileForRead(path);
  if (!file)
    return fail(llvm::toString(file.takeError()));
  Sha256 hash;
  std::vector<char> block(1 << 20);
  llvm::FailureOr<std::string> result = failure();
  while (true) {
    llvm::Expected<size_t> count = llvm::sys::fs::readNativeFile(*file, block);
    if (!count) {
      result = fail(llvm::toString(count.takeError()));
      break;
    }
    if (*count == 0) {
      result = llvm::toHex(hash.finish(), /*LowerCase=*/true);
      break;
    }
    hash.update(llvm::ArrayRef<uint8_t>(reinterpret_cast<uint8_t *>(block.data()), *count));
  }
  (void)llvm::sys::fs::closeFile(*file);
  return result;
}
