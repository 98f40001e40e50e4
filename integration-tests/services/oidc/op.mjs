// The OpenID provider of the integration tests: npm oidc-provider, so that the broker's relying party
// is judged by somebody else's code. Loopback only, everything in memory.
//
//   node op.mjs                          -> http://127.0.0.1:9400
//   PORT=0 node op.mjs                   -> free port; prints {"issuer":...} as its first stdout line
//   RP=http://localhost:8080 node op.mjs -> where the portal under test lives
//
// Clients: portal (confidential, code+PKCE+refresh, BCL), cli (public, device+code+refresh),
//          robot (client_credentials with private_key_jwt), gateway (token exchange),
//          api (resource server: introspection only).
//
// What tests need and no real provider offers lies under /_test/ (see the end of this file).
import http from 'node:http';
import { once } from 'node:events';
import { SignJWT, createLocalJWKSet, exportJWK, exportSPKI, generateKeyPair, importJWK, jwtVerify } from 'jose';
import { Provider, errors } from 'oidc-provider';

const RP = process.env.RP ?? 'http://localhost:8080';
const API = process.env.API_AUDIENCE ?? 'urn:broker:api';
const TX = 'urn:ietf:params:oauth:grant-type:token-exchange';
const AT = 'urn:ietf:params:oauth:token-type:access_token';
const DC = 'urn:ietf:params:oauth:grant-type:device_code';

// -- users: AARC-style claims; tests may PUT /_test/users/<sub> with a JSON object ---------
const users = new Map(Object.entries(JSON.parse(process.env.USERS ?? JSON.stringify({
  alice: {
    name: 'Alice Example', given_name: 'Alice', family_name: 'Example',
    email: 'alice@uni-a.example', email_verified: true,
    voperson_id: 'alice0001@aai.example',
    schac_home_organization: 'uni-a.example',
    eduperson_scoped_affiliation: ['member@uni-a.example'],
    eduperson_entitlement: ['urn:geant:example.org:group:hpc:role=member#aai.example'],
    eduperson_assurance: ['https://refeds.org/assurance', 'https://refeds.org/assurance/IAP/medium'],
    acr: 'https://refeds.org/profile/mfa',
  },
  bob: {
    name: 'Bob Example', email: 'bob@uni-b.example', email_verified: false,
    voperson_id: 'bob0002@aai.example', schac_home_organization: 'uni-b.example',
    eduperson_entitlement: [], eduperson_assurance: ['https://refeds.org/assurance/IAP/low'],
  },
}))));

// -- keys -----------------------------------------------------------------------------------
async function key(alg, kid) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg, use: 'sig' };
}
const pub = ({ d, p, q, dp, dq, qi, ...rest }) => rest;
let round = 0;
const keyPair = async () => {
  const suffix = round === 0 ? '' : `-${round}`;
  return [await key('RS256', `op-rs${suffix}`), await key('ES256', `op-es${suffix}`)];
};
// The first key of a kind signs; the rest are only published.
let jwks = { keys: await keyPair() };
const robotKey = process.env.ROBOT_JWK ? JSON.parse(process.env.ROBOT_JWK) : await key('ES256', 'robot-1');
const localKeys = (...given) => createLocalJWKSet({ keys: jwks.keys.map(pub) })(...given);

const noRedirect = { redirect_uris: [], response_types: [] };
const clients = [
  { client_id: 'portal', client_secret: 'portal-secret', client_name: 'Broker portal',
    redirect_uris: [`${RP}/callback`], post_logout_redirect_uris: [`${RP}/`],
    grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
    backchannel_logout_uri: `${RP}/oidc/backchannel-logout`, backchannel_logout_session_required: true },
  { client_id: 'cli', token_endpoint_auth_method: 'none', application_type: 'native', client_name: 'Broker CLI',
    redirect_uris: ['http://127.0.0.1/callback'], response_types: ['code'],
    grant_types: ['authorization_code', DC, 'refresh_token'] },
  { client_id: 'robot', ...noRedirect, grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [pub(robotKey)] } },
  { client_id: 'gateway', client_secret: 'gateway-secret', ...noRedirect, grant_types: [TX] },
  { client_id: 'api', client_secret: 'api-secret', ...noRedirect, grant_types: [] },
];

const page = (title, body) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><main><h1>${title}</h1>${body}</main></html>`;
const esc = (s) => String(s).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const configuration = {
  clients,
  cookies: { keys: ['test-only'] },
  responseTypes: ['code'],
  acrValues: ['https://refeds.org/profile/sfa', 'https://refeds.org/profile/mfa'],
  pkce: { required: () => true },
  scopes: ['openid', 'offline_access', 'profile', 'email', 'aarc', 'jobs:read', 'jobs:write'],
  claims: {
    openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'given_name', 'family_name'],
    aarc: ['voperson_id', 'schac_home_organization', 'eduperson_entitlement', 'eduperson_assurance',
      'eduperson_scoped_affiliation'],
    acr: null, auth_time: null, iss: null, sid: null,
  },
  // false: scope claims also into the id_token (not only userinfo). Set CONFORM=1 to test an RP
  // that has to call userinfo.
  conformIdTokenClaims: process.env.CONFORM === '1',
  async findAccount(_ctx, sub) {
    if (!users.has(sub)) return undefined;
    return { accountId: sub, claims: async () => ({ sub, ...users.get(sub) }) };
  },
  rotateRefreshToken: true,
  issueRefreshToken: (_ctx, client, code) => client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  ttl: {
    AccessToken: Number(process.env.AT_TTL ?? 300), ClientCredentials: 300, IdToken: 300,
    RefreshToken: 3600, DeviceCode: Number(process.env.DEVICE_TTL ?? 120), Grant: 7200, Session: 3600, Interaction: 600,
  },
  // First-party test clients: grant what was asked, without a consent page.
  async loadExistingGrant(ctx) {
    const { client, session, params, result } = ctx.oidc;
    const known = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
    if (known) return ctx.oidc.provider.Grant.find(known);
    const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope(params.scope ?? 'openid');
    grant.addResourceScope(API, 'jobs:read jobs:write');
    await grant.save();
    return grant;
  },
  // at+jwt for the broker API only, opaque otherwise
  async extraTokenClaims(ctx, token) {
    const u = users.get(token.accountId) ?? {};
    return {
      ...(u.eduperson_entitlement && { eduperson_entitlement: u.eduperson_entitlement, voperson_id: u.voperson_id }),
      ...u.token_claims, // what a test wants in a person's access tokens (RFC 9068, 2.2.1: `acr`)
      ...(ctx?.oidc?.act && { act: ctx.oidc.act }),
    };
  },
  interactions: { url: (_ctx, i) => `/interaction/${i.uid}` },
  // oidc-provider refuses to POST back-channel logout to loopback (SSRF guard in its dispatcher).
  fetch: (url, { dispatcher, ...o }) => globalThis.fetch(url, new URL(url).hostname.match(/^(127\.|localhost$)/) ? o : { ...o, dispatcher }),
  features: {
    devInteractions: { enabled: false }, // its pages @import fonts.googleapis.com
    deviceFlow: {
      enabled: true, charset: 'base-20', mask: '****-****',
      userCodeInputSource: (ctx, form, _out, err) => { ctx.body = page('Enter code', `${err ? '<p role="alert">Wrong or expired code</p>' : ''}${form}<button type="submit" form="op.deviceInputForm">Continue</button>`); },
      userCodeConfirmSource: (ctx, form, client, _d, code) => { ctx.body = page('Confirm device', `<p>${esc(client.clientName)} wants to sign in with code <code>${esc(code)}</code></p>${form}<button type="submit" form="op.deviceConfirmForm">Continue</button>`); },
      successSource: (ctx) => { ctx.body = page('Signed in', '<p>You may close this window.</p>'); },
    },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => client.clientId === 'api' || token.clientId === client.clientId },
    revocation: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    dPoP: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => { ctx.body = page('Sign out?', `${form}<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>`); },
      postLogoutSuccessSource: (ctx) => { ctx.body = page('Signed out', ''); },
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx, _client, oneOf) => oneOf ?? (ctx.oidc.params?.grant_type === 'client_credentials' ? API : undefined),
      useGrantedResource: () => true,
      getResourceServerInfo(_ctx, resource) {
        if (resource !== API) throw new errors.InvalidTarget();
        return { audience: API, scope: 'jobs:read jobs:write', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } }, accessTokenTTL: Number(process.env.AT_TTL ?? 300) };
      },
    },
  },
};

// -- start ------------------------------------------------------------------------------------
const server = http.createServer();
server.listen(Number(process.env.PORT ?? 9400), '127.0.0.1');
await once(server, 'listening');
const issuer = process.env.ISSUER ?? `http://127.0.0.1:${server.address().port}`;
let provider; let oidc;

// RFC 8693. Only what the broker needs: an access token of this OP in, one for the API out, with `act`.
const exchangeToken = async (ctx) => {
  const { client, params: p } = ctx.oidc;
  if (p.subject_token_type !== AT || !p.subject_token) throw new errors.InvalidRequest('subject_token_type must be access_token');
  const target = p.resource ?? p.audience;
  if (target !== API) throw new errors.InvalidTarget();
  let sub; let scope; let prior; let grantId;
  const opaque = await provider.AccessToken.find(p.subject_token);
  if (opaque) ({ accountId: sub, scope, grantId } = opaque);
  else {
    const r = await jwtVerify(p.subject_token, localKeys, { issuer, typ: 'at+jwt' }).catch(() => { throw new errors.InvalidGrant('subject_token'); });
    ({ sub, scope, act: prior } = r.payload);
  }
  const account = await configuration.findAccount(ctx, sub);
  if (!account) throw new errors.InvalidGrant('subject_token');
  ctx.oidc.entity('Account', account);
  const asked = (p.scope ?? scope ?? '').split(' ').filter((s) => s.startsWith('jobs:'));
  ctx.oidc.act = { sub: client.clientId, ...(prior && { act: prior }) };
  const token = new provider.AccessToken({ client, accountId: sub, grantId, gty: 'token_exchange', scope: asked.join(' ') || undefined });
  token.resourceServer = new provider.ResourceServer(API, configuration.features.resourceIndicators.getResourceServerInfo(ctx, API));
  ctx.oidc.entity('AccessToken', token);
  ctx.body = { access_token: await token.save(), issued_token_type: AT, token_type: 'Bearer', expires_in: token.expiration, scope: token.scope };
};
const exchangeParams = ['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type', 'requested_token_type', 'audience', 'resource', 'scope'];

// A provider reads its keys once, so rotation means a new one over the same (in-memory) records.
function serve() {
  provider = new Provider(issuer, { ...configuration, jwks });
  provider.registerGrantType(TX, exchangeToken, exchangeParams);
  for (const ev of ['server_error', 'grant.error', 'authorization.error', 'backchannel.error', 'backchannel.success', 'introspection.error'])
    provider.on(ev, (ctx, a, b) => console.error(ev, a?.error_description ?? a?.clientId ?? a?.message ?? '', b?.message ?? ''));
  oidc = provider.callback();
}
serve();

async function body(req) { let s = ''; for await (const c of req) s += c; return s; }

// -- /_test/ ------------------------------------------------------------------------------------
// PUT  users/<sub>  {claims}                 adds or changes a person
// POST rotate       {"keep": true}           new keys; the old ones stay published if kept
// POST sign         {header, claims, with}   any JWT: with "key" (header.alg chooses), "stranger" (the
//                                            right kid, somebody else's key), "public-key" (HS256
//                                            keyed by the RSA public key), "nothing" (alg none)
// GET  hits                                  how often each path was asked for
const hits = {};
const b64 = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');

async function sign({ header = {}, claims = {}, with: how = 'key' }) {
  const now = Math.floor(Date.now() / 1000);
  const alg = header.alg ?? 'ES256';
  const own = jwks.keys.find((k) => k.alg === alg) ?? jwks.keys[0];
  const head = { alg, typ: 'at+jwt', kid: own.kid, ...header };
  const all = { iss: issuer, aud: API, sub: 'alice', client_id: 'cli', iat: now, exp: now + 300, jti: crypto.randomUUID(), ...claims };
  for (const o of [head, all]) for (const k of Object.keys(o)) if (o[k] === null) delete o[k];
  if (how === 'nothing') return `${b64({ ...head, alg: 'none' })}.${b64(all)}.`;
  if (how === 'public-key') {
    const pem = await exportSPKI(await importJWK(pub(jwks.keys.find((k) => k.kty === 'RSA')), 'RS256', { extractable: true }));
    return new SignJWT(all).setProtectedHeader({ ...head, alg: 'HS256', kid: own.kid }).sign(new TextEncoder().encode(pem));
  }
  const signer = how === 'stranger' ? await key(alg, 'stranger') : own;
  return new SignJWT(all).setProtectedHeader(head).sign(await importJWK(signer, alg));
}

async function control(method, path, text) {
  const given = text ? JSON.parse(text) : {};
  if (method === 'PUT' && path.startsWith('users/')) return users.set(decodeURIComponent(path.slice(6)), given) && {};
  if (method === 'POST' && path === 'sign') return { token: await sign(given) };
  if (method === 'GET' && path === 'hits') return hits;
  if (method === 'POST' && path === 'rotate') {
    round += 1;
    jwks = { keys: [...await keyPair(), ...(given.keep ? jwks.keys : [])] };
    serve();
    return { kids: jwks.keys.map((k) => k.kid) };
  }
  throw Object.assign(new Error(`${method} /_test/${path}`), { statusCode: 404 });
}

server.on('request', async (req, res) => {
  try {
    const { pathname } = new URL(req.url, issuer);
    if (pathname.startsWith('/interaction/')) {
      const i = await provider.interactionDetails(req, res);
      const consent = i.prompt.name === 'consent';
      if (req.method === 'GET') {
        res.setHeader('content-type', 'text/html; charset=utf-8');
        res.end(consent
          ? page('Consent', `<form method="post"><p><strong>${esc(i.params.client_id)}</strong> asks for: ${esc(i.params.scope)}</p><button>Allow</button></form>`)
          : page('Sign in', '<form method="post"><label for="login">User</label> <input id="login" name="login" autocomplete="username" required> <button>Sign in</button></form>'));
        return;
      }
      const f = new URLSearchParams(await body(req));
      if (consent) {
        const grant = i.grantId ? await provider.Grant.find(i.grantId)
          : new provider.Grant({ clientId: i.params.client_id, accountId: i.session.accountId });
        grant.addOIDCScope(i.params.scope ?? 'openid');
        grant.addResourceScope(API, 'jobs:read jobs:write');
        await provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
        return;
      }
      const login = f.get('login');
      await provider.interactionFinished(req, res, users.has(login)
        ? { login: { accountId: login, acr: users.get(login).acr, amr: ['pwd'] } }
        : { error: 'access_denied', error_description: 'unknown user' }, { mergeWithLastSubmission: false });
      return;
    }
    if (pathname.startsWith('/_test/')) {
      const answer = await control(req.method, pathname.slice(7), await body(req));
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      return;
    }
    hits[pathname] = (hits[pathname] ?? 0) + 1;
    oidc(req, res);
  } catch (e) {
    res.writeHead(e.statusCode ?? 500, { 'content-type': 'text/plain' }).end(`${e.name}: ${e.error_description ?? e.message}`);
  }
});
console.log(JSON.stringify({ issuer, robot_jwk: robotKey }));
const stop = () => { server.closeAllConnections(); server.close(() => process.exit(0)); };
process.on('SIGTERM', stop); process.on('SIGINT', stop);
// Whoever started this and is gone, killed or not, has closed our stdin.
if (process.env.UNTIL_STDIN_CLOSES) process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0)).resume();
