#!/usr/bin/env python3
"""Messages of another implementation of the AWS Encryption SDK, for the tests of `shared::vault`.

    python3 -m venv venv && venv/bin/pip install 'aws-encryption-sdk>=4,<5'
    venv/bin/python shared/vectors/make_esdk_vectors.py make     # rewrites what Python made
    venv/bin/python shared/vectors/make_esdk_vectors.py check    # opens every message, Rust's too

The file is `esdk_messages.json`, beside this script:

- `made_by_python`: messages that `make` made with random keys. Rust opens them, and makes the same bytes
  from the same data key and message id.
- `made_by_rust`: messages that Rust made. Rust makes the same bytes again, `check` opens them. To add one,
  add its inputs with an empty `message`: the Rust test fails and prints the message that belongs there.
- `refused`: valid messages, made by Python, of forms that the vault does not take.

The SDK's own KMS provider makes and opens the messages, but KMS itself is a stub: the data keys stand in the
file in clear, and the wrapped keys are random bytes of a usual length.
"""

import base64
import json
import os
import pathlib
import sys

import aws_encryption_sdk
import botocore.session
from aws_encryption_sdk.identifiers import (
    Algorithm,
    CommitmentPolicy,
    EncryptionKeyType,
    WrappingAlgorithm,
)
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.kms import KMSMasterKey
from aws_encryption_sdk.key_providers.raw import RawMasterKeyProvider
from aws_encryption_sdk.structures import MasterKeyInfo
from botocore.stub import ANY, Stubber

FILE = pathlib.Path(__file__).with_name("esdk_messages.json")
KEY_ARN = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SECOND_KEY_ARN = "arn:aws:kms:eu-central-1:123456789012:key/00000000-12ab-34cd-56ef-1234567890ab"
CONTEXT = {"tenant_id": "acme", "provider": "twilio", "purpose": "credentials"}
COMMITTING = Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
SIGNING = Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384
UNCOMMITTED = Algorithm.AES_256_GCM_IV12_TAG16_HKDF_SHA256
CLIENT = aws_encryption_sdk.EncryptionSDKClient(
    commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
)
LENIENT_CLIENT = aws_encryption_sdk.EncryptionSDKClient(
    commitment_policy=CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT
)


class KmsKey(KMSMasterKey):
    """The SDK's own KMS key. KMS is played by botocore's stub, which checks every parameter of a call."""

    others = ()

    def master_keys_for_encryption(self, encryption_context, plaintext_rostream, plaintext_length=None):
        return self, [self, *self.others]


class RawKeys(RawMasterKeyProvider):
    provider_id = "raw-key"

    def _get_raw_key(self, key_id):
        return WrappingKey(
            wrapping_algorithm=WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING,
            wrapping_key=os.urandom(32),
            wrapping_key_type=EncryptionKeyType.SYMMETRIC,
        )


def kms_key(key_arn, operation, parameters, answer):
    """A KMS key that is asked for this once, and no more."""
    client = botocore.session.get_session().create_client(
        "kms", region_name="eu-central-1", aws_access_key_id="none", aws_secret_access_key="none"
    )
    stub = Stubber(client)
    stub.add_response(operation, {"KeyId": key_arn, **answer}, {"KeyId": key_arn, **parameters})
    stub.activate()
    return KmsKey(key_id=key_arn, client=client), stub


def text(raw):
    return base64.b64encode(raw).decode()


def raw(encoded):
    return base64.b64decode(encoded, validate=True)


def make(name, plaintext, context=CONTEXT, frame_length=4096, algorithm=COMMITTING, client=CLIENT,
         raw_key=False, second_key=False):
    data_key, wrapped_key = os.urandom(32), os.urandom(184)
    key, _ = kms_key(
        KEY_ARN, "generate_data_key",
        # A signed message's context holds its public key too.
        {"NumberOfBytes": 32, "EncryptionContext": ANY if algorithm is SIGNING else context},
        {"Plaintext": data_key, "CiphertextBlob": wrapped_key},
    )
    if raw_key:
        key = RawKeys()
        key.add_master_key(KEY_ARN)
    if second_key:
        other, _ = kms_key(
            SECOND_KEY_ARN, "encrypt", {"Plaintext": data_key, "EncryptionContext": context},
            {"CiphertextBlob": os.urandom(184)},
        )
        key.others = [other]
    message, header = client.encrypt(
        source=plaintext, key_provider=key, encryption_context=context, frame_length=frame_length,
        algorithm=algorithm,
    )
    return {
        "name": name,
        "key_arn": KEY_ARN,
        "data_key": text(data_key),
        "wrapped_key": text(wrapped_key),
        "message_id": text(header.message_id),
        "context": context,
        "frame_length": frame_length,
        "plaintext": text(plaintext),
        "message": text(message),
    }


def make_all():
    configuration = json.dumps({
        "version": 1,
        "configuration": {"account_sid": "AC" + "0" * 32, "auth_token": "0123456789abcdef" * 2},
    }, separators=(",", ":")).encode()
    non_ascii = {"tenant_id": "münchen-東京-🚋", "provider": "", "größe": "ß"}
    return {
        "made_by_python": [
            make("a configuration", configuration),
            make("empty plaintext", b""),
            make("one byte", b"\x00"),
            make("one byte less than a frame", os.urandom(127), frame_length=128),
            make("exactly one frame", os.urandom(128), frame_length=128),
            make("several frames", os.urandom(1000), frame_length=128),
            make("several frames of the default length", os.urandom(5_000)),
            make("context that is not ASCII", configuration, context=non_ascii),
            make("no context", configuration, context={}),
        ],
        "refused": [
            make("content that is not framed", configuration, frame_length=0),
            make("a signed message", configuration, algorithm=SIGNING),
            make("a message without commitment, format version 1", configuration,
                 algorithm=UNCOMMITTED, client=LENIENT_CLIENT),
            make("another key provider", configuration, raw_key=True),
            make("two encrypted data keys", configuration, second_key=True),
        ],
    }


def check(vector, client=CLIENT):
    context = {"EncryptionContext": vector["context"]} if vector["context"] else {}
    key, stub = kms_key(
        vector["key_arn"], "decrypt", {"CiphertextBlob": raw(vector["wrapped_key"]), **context},
        {"Plaintext": raw(vector["data_key"])},
    )
    plaintext, header = client.decrypt(source=raw(vector["message"]), key_provider=key)
    stub.assert_no_pending_responses()
    assert plaintext == raw(vector["plaintext"]), "plaintext"
    assert header.encryption_context == vector["context"], "context"
    assert header.algorithm is COMMITTING, "algorithm suite"
    assert header.message_id == raw(vector["message_id"]), "message id"
    assert header.frame_length == vector["frame_length"], "frame length"
    (wrapped,) = header.encrypted_data_keys
    assert wrapped.key_provider == MasterKeyInfo("aws-kms", vector["key_arn"].encode()), "key"


def main(mode):
    vectors = json.loads(FILE.read_text()) if FILE.exists() else {"made_by_rust": []}
    if mode == "make":
        vectors.update(make_all())
        FILE.write_text(json.dumps(vectors, indent=2, ensure_ascii=False, sort_keys=True) + "\n")
    for made_by in ["made_by_python", "made_by_rust"]:
        for vector in vectors[made_by]:
            check(vector)
            print(f"opened, {made_by}: {vector['name']}")


if __name__ == "__main__":
    if sys.argv[1:] not in (["make"], ["check"]):
        sys.exit(__doc__)
    main(sys.argv[1])
