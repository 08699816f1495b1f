/**
 * Certificates for tests, made when they run: an authority and what it signs, by node:crypto and the few DER structures
 * of RFC 5280 that this takes. Elliptic keys, valid for a day, for localhost. Not for anything but tests.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface Authority extends Certificate {
  /** Signs a certificate for a subject, the widest part first: `[['O', 'Millrace'], ['CN', 'alice']]`. */
  issue(subject: Subject): Certificate;
}

type Subject = readonly (readonly [type: 'C' | 'O' | 'OU' | 'CN', value: string])[];

const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
} as const;

const nameOids = { C: '550406', O: '55040a', OU: '55040b', CN: '550403' } as const;
const ecdsaWithSha256 = der(Tag.sequence, oid('2a8648ce3d040302'));
const dayMs = 24 * 60 * 60 * 1000;

export function newAuthority(name = 'Millrace Test Authority'): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer: Subject = [['CN', name]];
  const cert = certificate({ subject: issuer, issuer, publicKey, signer: privateKey, isAuthority: true });
  return {
    cert,
    key: pemOf(privateKey),
    issue(subject) {
      const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const issued = { subject, issuer, publicKey: own.publicKey, signer: privateKey, isAuthority: false };
      return { cert: certificate(issued), key: pemOf(own.privateKey) };
    },
  };
}

interface Parts {
  readonly subject: Subject;
  readonly issuer: Subject;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly isAuthority: boolean;
}

function certificate({ subject, issuer, publicKey, signer, isAuthority }: Parts): string {
  const now = Date.now();
  const version3 = der(0xa0, der(Tag.integer, Buffer.from([2])));
  const serial = der(Tag.integer, Buffer.concat([Buffer.from([1]), randomBytes(8)]));
  const validity = der(Tag.sequence, time(now - dayMs), time(now + dayMs));
  const key = publicKey.export({ type: 'spki', format: 'der' });
  const extensions = der(0xa3, der(Tag.sequence, isAuthority ? basicConstraints() : localNames()));
  const body = [version3, serial, ecdsaWithSha256, nameOf(issuer), validity, nameOf(subject), key, extensions];
  const signed = der(Tag.sequence, ...body);
  const signature = der(Tag.bitString, Buffer.from([0]), sign('sha256', signed, signer));
  const bytes = der(Tag.sequence, signed, ecdsaWithSha256, signature);
  const lines = bytes.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

function basicConstraints(): Buffer {
  const isAuthority = der(Tag.sequence, der(Tag.boolean, Buffer.from([0xff])));
  return der(Tag.sequence, oid('551d13'), der(Tag.boolean, Buffer.from([0xff])), der(Tag.octetString, isAuthority));
}

/** subjectAltName: localhost, 127.0.0.1, ::1. */
function localNames(): Buffer {
  const names = der(
    Tag.sequence,
    der(0x82, Buffer.from('localhost')),
    der(0x87, Buffer.from([127, 0, 0, 1])),
    der(0x87, Buffer.from([...new Uint8Array(15), 1])),
  );
  return der(Tag.sequence, oid('551d11'), der(Tag.octetString, names));
}

function nameOf(subject: Subject): Buffer {
  const parts = subject.map(([type, value]) =>
    der(Tag.set, der(Tag.sequence, oid(nameOids[type]), der(Tag.utf8, Buffer.from(value)))),
  );
  return der(Tag.sequence, ...parts);
}

function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(2, 14);
  return der(Tag.utcTime, Buffer.from(`${text}Z`));
}

function oid(hex: string): Buffer {
  return der(Tag.oid, Buffer.from(hex, 'hex'));
}

function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const short = Buffer.from([tag, body.length]);
  const long = Buffer.from([tag, 0x82, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([body.length < 0x80 ? short : long, body]);
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
