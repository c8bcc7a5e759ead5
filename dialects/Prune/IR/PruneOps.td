//===- PruneOps.td - What pruning finds and decides, as IR -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_DIALECTS_PRUNE_IR_PRUNEOPS
#define SECATEUR_DIALECTS_PRUNE_IR_PRUNEOPS

include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpBase.td"

def Prune_Dialect : Dialect {
  let name = "prune";
  let cppNamespace = "::secateur::prune";
  let summary = "Groups of positions that leave a model together";
  let description = [{
    Pruning is four steps that print and test alone: analyse, score, plan, apply.
    This dialect is what they hand on. Analyse writes one `prune.group` for each
    class of coupled dimensions and one `prune.pin` for each weight dimension that
    must stay, at the end of the function (or of the subgraph that computes a value); score and plan add attributes to the
    groups; apply erases and removes the groups. Between analyse and apply nothing
    else in the function changes.

    The dialect says which positions belong together, never how anything is
    removed, and nothing in it is specific to an operator.
  }];
}

class Prune_Op<string mnemonic, list<Trait> traits = []> : Op<Prune_Dialect, mnemonic, traits>;

def Prune_GroupOp : Prune_Op<"group"> {
  let summary = "Units of which each can be removed, with all that must leave with it";
  let description = [{
    A group has `units` units, numbered from 0. Removing a unit removes, from every
    member, the positions that the member's boxes name for this unit; an axis that a
    box does not name is whole. Members are weights (`nn.constant`) and activations.
    Those inside of a subgraph stand there, in `prune.members`.

    A box is written `[axis: where, axis: where]` (all its axes at once) and
    a member has one or more (`[0: 0 by 1][1: 0 by 1]` is rows and columns). `where` is

      *  `offset by block`: unit u is the run of `block` positions at
         `offset + u * block`;
      *  `offset by block x count step stride`, once or more: the same run again,
         `count` times in all, `stride` positions apart (the first may have count -1:
         as often as the axis has room, where its size depends on the input);
      *  either after `(u / div mod extent)`: with that digit of the unit's number
         instead of u, for units that are joint values of several digits;
      *  `{[...], [...]}`: one list of positions for each unit.

    `keeps_value` after a member: in the proof that zeroed equals erased, its removed
    elements keep their values instead of becoming 0 (a divisor, a variance);
    `counts_as 128`: they become that (a quantised zero).

    Constraints: at least `min_keep` units stay, what stays is a multiple of
    `multiple_of`, `balanced(n)`: the units are n equal consecutive slots and as many
    leave each slot, `uniform("x")`: all groups of that name keep equally many.

    ```mlir
    prune.group "conv1.weight" units(512) min_keep(1)
      (%w[0: 0 by 1], %fc[1: 0 by 49], %nhwc[3: 0 by 1], %flat[1: 0 by 1 x 49 step 512])
      : tensor<512x3x3x3xf32>, tensor<10x25088xf32>, tensor<?x7x7x512xf32>, tensor<?x25088xf32>
    ```
  }];
  let arguments = (ins StrAttr:$name, I64Attr:$units, Variadic<AnyType>:$members, ArrayAttr:$layouts,
                       DefaultValuedAttr<I64Attr, "1">:$min_keep, DefaultValuedAttr<I64Attr, "1">:$multiple_of,
                       DefaultValuedAttr<I64Attr, "1">:$balanced, OptionalAttr<StrAttr>:$uniform);
  let assemblyFormat = [{
    $name `units` `(` $units `)` (`min_keep` `(` $min_keep^ `)`)? (`multiple_of` `(` $multiple_of^ `)`)?
    (`balanced` `(` $balanced^ `)`)? (`uniform` `(` $uniform^ `)`)?
    custom<Members>($members, $layouts) attr-dict (`:` type($members)^)?
  }];
  let hasVerifier = 1;
}

def Prune_MembersOp : Prune_Op<"members"> {
  let summary = "Members of a group that are computed in a subgraph";
  let description = [{
    What a branch computes cannot be named outside of it: these are further members of
    the group of that name, written as there, in the block that computes them.

    ```mlir
    prune.members "conv1.weight:0" (%inner[1: 0 by 1]) : tensor<?x512x7x7xf32>
    ```
  }];
  let arguments = (ins StrAttr:$name, Variadic<AnyType>:$members, ArrayAttr:$layouts);
  let assemblyFormat = [{ $name custom<Members>($members, $layouts) attr-dict `:` type($members) }];
  let hasVerifier = 1;
}

def Prune_PinOp : Prune_Op<"pin"> {
  let summary = "A dimension of a weight that must stay as it is, and why";
  let description = [{
    `op` is the node to blame (operator and name), `reason` the rule that it
    follows. A dimension may be pinned in part: `first` and `count` say which
    positions of the axis when it is not all of them.

    ```mlir
    prune.pin %w axis 0 "a graph output keeps its size" by "return" : tensor<10x512xf32>
    ```
  }];
  let arguments = (ins AnyType:$value, I64Attr:$axis, StrAttr:$reason, StrAttr:$op,
                       OptionalAttr<I64Attr>:$first, OptionalAttr<I64Attr>:$count);
  let assemblyFormat = [{
    $value `axis` $axis (`from` $first^ `count` $count)? $reason `by` $op attr-dict `:` type($value)
  }];
}

#endif // SECATEUR_DIALECTS_PRUNE_IR_PRUNEOPS
