"""Compares objects with the types that Stripe's Python SDK declares for them.

The SDK is generated from Stripe's own description of its API, so its declarations are an oracle: a
member that it requires must be there, a member that it does not know must not be, and every value
must be of the declared type and, where words are listed, one of them.
"""

import decimal
import typing

import stripe
from stripe import StripeObject
from stripe._list_object import ListObject
from stripe._stripe_object import UntypedStripeObject

OBJECTS = {
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "customer": stripe.Customer,
    "event": stripe.Event,
    "item": stripe.LineItem,
    "payment_intent": stripe.PaymentIntent,
    "price": stripe.Price,
    "refund": stripe.Refund,
}


def faults_of(data):
    """Lists what is wrong with one object of the API, given as plain data."""
    cls = OBJECTS.get(data.get("object"))
    if cls is None:
        return [f"unknown object {data.get('object')!r}"]
    found = []
    _check_object(data, cls, data["object"], found)
    return found


def _declared(cls):
    """The members that a class and its bases inside the SDK declare."""
    members = {}
    for base in reversed(cls.__mro__):
        if base in (StripeObject, dict, object) or not issubclass(base, StripeObject):
            continue
        members.update(base.__dict__.get("__annotations__", {}))
    return {
        name: kind
        for name, kind in members.items()
        if not name.startswith("_")
        and name != "OBJECT_NAME"
        and typing.get_origin(kind) is not typing.ClassVar
    }


def _check_object(data, cls, path, found):
    declared = _declared(cls)
    aliases = {name.rstrip("_"): kind for name, kind in declared.items()}
    for name in data:
        if name not in aliases:
            found.append(f"{path}.{name} is not known to the SDK")
    for name, kind in aliases.items():
        if name in data:
            _check(data[name], kind, f"{path}.{name}", cls, found)
        elif not _may_be_none(kind):
            found.append(f"{path}.{name} is missing")


def _may_be_none(kind):
    return typing.get_origin(kind) is typing.Union and type(None) in typing.get_args(kind)


def _check(value, kind, path, owner, found):
    """Adds to `found` what is wrong with `value`; a union is right when one of its parts is."""
    origin = typing.get_origin(kind)
    if origin is typing.Union:
        parts = typing.get_args(kind)
        # Word lists are declared open ("one of these, or str"); here the listed words count.
        if any(typing.get_origin(part) is typing.Literal for part in parts):
            parts = [part for part in parts if part is not str]
        attempts = []
        for part in parts:
            inner = []
            _check(value, part, path, owner, inner)
            if not inner:
                return
            attempts.append(inner)
        found.extend(max(attempts, key=len))
        return
    if origin is typing.Literal:
        if value not in typing.get_args(kind):
            found.append(f"{path} is {value!r}, which is not one of the listed words")
    elif origin is list:
        _check_list(value, typing.get_args(kind)[0], path, owner, found)
    elif kind is type(None):
        if value is not None:
            found.append(f"{path} is {value!r} and not null")
    elif isinstance(kind, (str, typing.ForwardRef)):
        _check_named(value, path, found)
    elif isinstance(origin, type) and issubclass(origin, ListObject):
        _check_page(value, path, found)
    elif isinstance(origin, type) and issubclass(origin, UntypedStripeObject):
        _check_map(value, typing.get_args(kind)[0], path, owner, found)
    elif kind is decimal.Decimal:
        _expect(isinstance(value, str), value, "a decimal as a string", path, found)
    elif kind is int:
        right = isinstance(value, int) and not isinstance(value, bool)
        _expect(right, value, "an integer", path, found)
    elif kind in (str, bool, float):
        _expect(isinstance(value, kind), value, kind.__name__, path, found)
    elif isinstance(kind, type) and issubclass(kind, StripeObject):
        if isinstance(value, dict):
            _check_object(value, kind, path, found)
        else:
            found.append(f"{path} is {value!r} and not an object")
    elif kind is typing.Any:
        pass
    else:
        found.append(f"{path}: the declaration {kind!r} is not understood")


def _expect(right, value, wanted, path, found):
    if not right:
        found.append(f"{path} is {value!r} and not {wanted}")


def _check_list(value, kind, path, owner, found):
    if not isinstance(value, list):
        found.append(f"{path} is {value!r} and not a list")
        return
    for position, element in enumerate(value):
        _check(element, kind, f"{path}[{position}]", owner, found)


def _check_map(value, kind, path, owner, found):
    if not isinstance(value, dict):
        found.append(f"{path} is {value!r} and not an object")
        return
    for name, element in value.items():
        _check(element, kind, f"{path}.{name}", owner, found)


def _check_named(value, path, found):
    """An object that the SDK declares elsewhere: it says itself what it is."""
    if not isinstance(value, dict):
        found.append(f"{path} is {value!r} and not an object")
        return
    found.extend(f"{path}: {fault}" for fault in faults_of(value))


def _check_page(value, path, found):
    if not isinstance(value, dict) or value.get("object") != "list":
        found.append(f"{path} is not a list of the API")
        return
    for name, kind in (("has_more", bool), ("url", str), ("data", list)):
        if not isinstance(value.get(name), kind):
            found.append(f"{path}.{name} is {value.get(name)!r} and not {kind.__name__}")
    for position, element in enumerate(value.get("data") or []):
        found.extend(f"{path}[{position}]: {fault}" for fault in faults_of(element))
