// A real identity provider for tests: oidc-provider, with people and behaviour set over POST /control.
//
//   node server.mjs PORT REDIRECT_URI
//
// POST /control {account, claims, tamper}: who signs in next, with which claims; `tamper` changes a
// letter of the signature of each id_token that leaves.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const [port, redirectUri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
let control = { account: "nobody", claims: {}, tamper: false };

const provider = new Provider(issuer, {
  clients: [{
    client_id: "djinnbot",
    client_secret: "a-secret-for-tests-only",
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: "client_secret_post",
  }],
  pkce: { required: () => true, methods: ["S256"] },
  claims: {
    openid: ["sub"],
    email: ["email", "email_verified"],
    profile: ["name", "preferred_username", "groups"],
  },
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, ...control.claims }),
  }),
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid email profile");
    await grant.save();
    return grant;
  },
  cookies: { keys: ["only for tests"] },
});

provider.use(async (ctx, next) => {
  await next();
  if (control.tamper && ctx.path === "/token" && ctx.body?.id_token) {
    const [head, body, signature] = ctx.body.id_token.split(".");
    const other = signature[10] === "A" ? "B" : "A";
    ctx.body.id_token = `${head}.${body}.${signature.slice(0, 10)}${other}${signature.slice(11)}`;
  }
});

const callback = provider.callback();
createServer(async (req, res) => {
  const path = new URL(req.url, issuer).pathname;
  if (path === "/control") {
    let text = "";
    for await (const piece of req) text += piece;
    control = { account: "nobody", claims: {}, tamper: false, ...JSON.parse(text) };
    res.end("{}");
  } else if (path.startsWith("/interaction/")) {
    const result = control.account
      ? { login: { accountId: control.account } }
      : { error: "access_denied" };
    await provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false });
  } else {
    callback(req, res);
  }
}).listen(Number(port), "127.0.0.1", () => console.log("listening"));
